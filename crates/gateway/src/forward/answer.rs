use http::header::{ALT_SVC, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use http_body::Body;

use super::Terms;
use crate::body::{BodySource, ProxyBody};
use crate::headers::framing::{self, EmptyLength};
use crate::headers::{forwarded, hop_by_hop, identity, spelling, trailers};

/// What an answer depends on of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) head: bool,
    /// Whether the client takes trailers.
    pub(super) trailers: bool,
}

/// The answer that the client gets.
pub(super) fn to_client(
    response: Response<ProxyBody>,
    asked: Asked,
    terms: &Terms,
) -> Response<ProxyBody> {
    let (mut parts, body) = response.into_parts();
    let headers = &mut parts.headers;
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let announced = trailers::announced(headers).filter(|_| asked.trailers);
    hop_by_hop::remove(headers);
    identity::strip(headers);
    // It would lead clients past the gateway.
    spelling::remove_where(headers, |name| spelling::same(name, &ALT_SVC));
    if terms.tells_rate {
        spelling::remove_where(headers, is_of_rate);
    }
    if terms.tells_cors {
        let is_of_cors = |name: &HeaderName| spelling::begins_with(name, "access-control-");
        spelling::remove_where(headers, is_of_cors);
    }
    let elsewhere = (asked.head || parts.status == StatusCode::NOT_MODIFIED) && !chunked;
    let kept = match elsewhere {
        true => EmptyLength::Kept,
        false => EmptyLength::Dropped,
    };
    framing::describe(headers, &body, kept);
    forwarded::append_via(headers, parts.version);

    let body = with_trailers(body, headers, announced, parts.version);
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    *response.version_mut() = Version::HTTP_11;
    *response.headers_mut() = parts.headers;
    response
}

/// Whether a field tells a client of the upstream's rate.
fn is_of_rate(name: &HeaderName) -> bool {
    ["ratelimit", "x-ratelimit", "x-rate-limit"]
        .iter()
        .any(|prefix| spelling::begins_with(name, prefix))
}

/// The trailers of an answer pass where the client takes some and they are announced, and where
/// the upstream's protocol asks for no announcement; else they end here.
fn with_trailers(
    body: ProxyBody,
    headers: &mut HeaderMap,
    announced: Option<HeaderValue>,
    version: Version,
) -> ProxyBody {
    // A body of known length has no place for them in HTTP/1.1.
    let may_come = body.size_hint().exact().is_none();
    match announced {
        Some(names) if may_come => drop(headers.insert(TRAILER, names)),
        // In HTTP/2 they come behind a body of known length as well.
        _ if version == Version::HTTP_2 => {}
        _ => return body.without_trailers(),
    }
    let taken = headers.keys().cloned().collect();
    body.with_clean_trailers(BodySource::Upstream, taken)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[test]
    fn what_the_gateway_tells_itself_is_not_told_by_the_upstream() {
        let asked = Asked {
            head: false,
            trailers: false,
        };
        for told in [false, true] {
            let mut response = Response::new(ProxyBody::empty());
            for name in [
                "ratelimit",
                "RateLimit-Policy",
                "x-ratelimit-limit",
                "X_RateLimit_Reset",
                "x-rate-limit-limit",
                "access-control-allow-origin",
            ] {
                let name: HeaderName = name.parse().unwrap();
                response
                    .headers_mut()
                    .append(name, HeaderValue::from_static("1"));
            }
            let terms = Terms {
                tells_rate: told,
                tells_cors: told,
                ..Terms::default()
            };
            let left = to_client(response, asked, &terms).headers().len();
            assert_eq!(left, if told { 1 } else { 7 }, "and its `Via`");
        }
    }

    #[tokio::test]
    async fn in_http2_trailers_come_behind_a_body_of_known_length_too() {
        let asked = Asked {
            head: false,
            trailers: false,
        };
        for (version, pass) in [(Version::HTTP_2, true), (Version::HTTP_11, false)] {
            let trailers = async {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Some(Ok(trailers))
            };
            let body = Full::new(Bytes::from_static(b"ok")).with_trailers(trailers);
            let mut response = Response::new(ProxyBody::new(body, BodySource::Upstream));
            *response.version_mut() = version;
            let body = to_client(response, asked, &Terms::default()).into_body();
            let body = body.collect().await.unwrap();
            assert_eq!(body.trailers().is_some(), pass, "{version:?}");
            assert_eq!(body.to_bytes(), "ok");
        }
    }
}
