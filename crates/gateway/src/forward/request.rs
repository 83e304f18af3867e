use std::error::Error;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, TE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, Version};
use http_body::Body;
use http_body_util::BodyExt;

use super::{Passage, Terms};
use crate::access::Notes;
use crate::body::{BodyError, BodySource, LeastRate, Limited, ProxyBody};
use crate::headers::framing::{self, EmptyLength};
use crate::headers::request_id::RequestId;
use crate::headers::trace_context::TraceContext;
use crate::headers::upgrade::Upgrade;
use crate::headers::values::Values;
use crate::headers::{forwarded, hop_by_hop, identity, trailers};

/// Room for what is said of most requests: where they are from, their id and their trace. In bytes.
const ROOM: usize = 320;

/// The request that the upstream gets.
pub(super) fn to_upstream<B>(
    request: Request<B>,
    passage: Passage,
    terms: &Terms,
) -> Request<ProxyBody>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (mut parts, body) = request.into_parts();
    let body = body.map_err(|cause| BodyError::of(BodySource::Client, cause.into()));
    let body = LeastRate::new(Limited::new(body, terms.body_bytes), terms.body_rate);
    let headers = &mut parts.headers;
    let announced = trailers::announced(headers);
    let accepts_trailers = parts.version >= Version::HTTP_11 && trailers::are_accepted(headers);
    hop_by_hop::remove(headers);
    identity::strip(headers);
    forwarded::strip(headers);
    headers.remove(EXPECT);
    framing::describe(headers, &body, EmptyLength::Dropped);
    terms.edits.apply(headers);
    if accepts_trailers {
        // Who names it in `TE` names it in `Connection` (RFC 9110 section 10.1.4).
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    let asked = passage.host.as_ref();
    terms.host.apply(headers, asked);
    let mut values = Values::with_capacity(ROOM);
    let asked = asked.map(|host| &*host.0);
    forwarded::set_shared(headers, &passage.origin, asked, &mut values);
    forwarded::append_via(headers, parts.version);
    if let Some(id) = parts.extensions.get::<RequestId>() {
        id.set_shared(headers, &mut values);
    }
    if let Some(trace) = parts.extensions.get::<TraceContext>() {
        trace.set(headers, &mut values);
    }
    if let Some(identity) = passage.identity {
        identity.set(headers);
    }
    let notes = parts.extensions.remove::<Notes>();
    let upgrade = parts.extensions.remove::<Upgrade>();
    if let Some(upgrade) = &upgrade {
        headers.remove(TE);
        upgrade.set(headers);
    }

    let body = with_trailers(
        ProxyBody::of(body),
        headers,
        announced,
        parts.version,
        terms,
    );
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = Uri::from(passage.path.path_and_query().clone());
    *request.headers_mut() = parts.headers;
    request.extensions_mut().insert(terms.times);
    if let Some(notes) = notes {
        request.extensions_mut().insert(notes);
    }
    if let Some(upgrade) = upgrade {
        request.extensions_mut().insert(upgrade);
    }
    request
}

/// The trailers of a request pass where it announces some, and where its protocol asks for no
/// announcement; else they end here.
fn with_trailers(
    body: ProxyBody,
    headers: &mut HeaderMap,
    announced: Option<HeaderValue>,
    version: Version,
    terms: &Terms,
) -> ProxyBody {
    // A body of known length has no place for them in HTTP/1.1.
    let may_come = body.size_hint().exact().is_none();
    match announced {
        Some(names) if may_come => drop(headers.insert(TRAILER, names)),
        // In HTTP/2 they come behind a body of known length as well.
        _ if version == Version::HTTP_2 => {}
        _ => return body.without_trailers(),
    }
    let edited = terms.edits.names();
    let decided = edited.chain(terms.decided.iter());
    let taken: Box<[HeaderName]> = headers.keys().chain(decided).cloned().collect();
    body.with_clean_trailers(BodySource::Client, taken)
}
