use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;

use super::Passage;
use crate::body::{BodySource, ProxyBody};
use crate::headers::framing::{self, EmptyLength};
use crate::headers::request_id::RequestId;
use crate::headers::{forwarded, hop_by_hop, identity};
use crate::server::Secured;
use crate::upstream::{Upstream, UpstreamError};

/// Sends requests to one upstream: the canonical path in place of the target, header fields as
/// [`headers`](crate::headers) has them, bodies as they come.
///
/// `Upgrade` is not handed on, so no connection changes its protocol. `Expect: 100-continue` is
/// answered here: the client gets its 100 when the connection to the upstream asks for the body,
/// and the upstream is not asked again.
#[derive(Clone)]
pub struct Forward {
    upstream: Arc<dyn Upstream>,
}

impl Forward {
    /// To an upstream.
    #[must_use]
    pub fn new(upstream: Arc<dyn Upstream>) -> Self {
        Self { upstream }
    }

    /// Sends a request and gives back the response, its head ready for the client.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`] if no response began. A response whose body breaks off later shows that
    /// in its body.
    pub async fn send<B>(
        &self,
        request: Request<B>,
        passage: Passage,
    ) -> Result<Response<ProxyBody>, UpstreamError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let head = *request.method() == Method::HEAD;
        let request = to_upstream(request, passage);
        let response = self.upstream.send(request).await?;
        Ok(to_client(response, head))
    }
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forward")
            .field("upstream", &self.upstream.name())
            .finish()
    }
}

fn to_upstream<B>(request: Request<B>, passage: Passage) -> Request<ProxyBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (mut parts, body) = request.into_parts();
    let body = ProxyBody::new(body, BodySource::Client);
    let headers = &mut parts.headers;
    let host = asked_host(&parts.uri, headers);
    hop_by_hop::remove(headers);
    identity::strip(headers);
    forwarded::strip(headers);
    headers.remove(EXPECT);
    framing::describe(headers, &body, EmptyLength::Dropped);
    let origin = forwarded::Origin {
        peer: passage.peer,
        host: host.as_deref(),
        scheme: match parts.extensions.get::<Secured>() {
            Some(_) => "https",
            None => "http",
        },
    };
    forwarded::set(headers, &origin);
    forwarded::append_via(headers, parts.version);
    // Once more: the client may have named the field in `Connection`.
    if let Some(id) = parts.extensions.get::<RequestId>() {
        id.set(headers);
    }
    headers.extend(passage.identity);

    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = Uri::from(passage.path.path_and_query().clone());
    *request.headers_mut() = parts.headers;
    request
}

fn to_client(response: Response<ProxyBody>, head: bool) -> Response<ProxyBody> {
    let (mut parts, body) = response.into_parts();
    let chunked = parts.headers.contains_key(TRANSFER_ENCODING);
    hop_by_hop::remove(&mut parts.headers);
    identity::strip(&mut parts.headers);
    let elsewhere = (head || parts.status == StatusCode::NOT_MODIFIED) && !chunked;
    let kept = match elsewhere {
        true => EmptyLength::Kept,
        false => EmptyLength::Dropped,
    };
    framing::describe(&mut parts.headers, &body, kept);
    forwarded::append_via(&mut parts.headers, parts.version);

    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    *response.version_mut() = Version::HTTP_11;
    *response.headers_mut() = parts.headers;
    response
}

/// The host that the client asked for: that of an absolute target before that of the field
/// (RFC 9112 section 3.2.2).
fn asked_host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => headers.get(HOST)?.to_str().ok().map(str::to_owned),
    }
}
