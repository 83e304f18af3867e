//! The gateway's own answers: what it says where no upstream does.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use portcullis::reject::Dialect;

use crate::body::ProxyBody;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A response with problem details (RFC 9457) of type `about:blank`: the status' own title, and
/// `detail` in words that hold nothing of the request and no address.
pub(crate) fn respond(status: StatusCode, detail: &str) -> Response<ProxyBody> {
    let title = status.canonical_reason().unwrap_or("Error");
    let text = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    });
    let body = Full::new(Bytes::from(text.to_string())).map_err(|never| match never {});
    let mut response = Response::new(ProxyBody::of(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a request that its upstream did not answer, with the kind of the failure in its
/// extensions.
pub(crate) fn of_upstream(error: &UpstreamError, dialect: Dialect) -> Response<ProxyBody> {
    let mut response = match dialect {
        Dialect::Grpc => in_grpc(error),
        _ => respond(status(error.kind()), &error.to_string()),
    };
    response.extensions_mut().insert(error.kind());
    if error.kind() == UpstreamErrorKind::Full {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, soon);
    }
    response
}

/// The same in gRPC's words: fields alone ("Trailers-Only" of gRPC over HTTP/2).
fn in_grpc(error: &UpstreamError) -> Response<ProxyBody> {
    let mut response = Response::new(ProxyBody::empty());
    *response.headers_mut() = grpc_trailers(error);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The end of an answer in gRPC that cannot go on.
pub(crate) fn grpc_trailers(error: &UpstreamError) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, grpc_status(error.kind()).into());
    // Names of upstreams are of letters, digits and `-`: nothing is to be encoded.
    if let Ok(message) = HeaderValue::from_str(&error.to_string()) {
        trailers.insert(GRPC_MESSAGE, message);
    }
    trailers
}

/// The status code of gRPC.
const fn grpc_status(kind: UpstreamErrorKind) -> u16 {
    match kind {
        // DEADLINE_EXCEEDED
        UpstreamErrorKind::ResponseTimeout
        | UpstreamErrorKind::Overdue
        | UpstreamErrorKind::RequestBodyTimeout => 4,
        // INVALID_ARGUMENT
        UpstreamErrorKind::RequestBody | UpstreamErrorKind::RequestBodyMalformed => 3,
        // RESOURCE_EXHAUSTED
        UpstreamErrorKind::RequestBodyTooLong => 8,
        // UNAVAILABLE
        UpstreamErrorKind::Full
        | UpstreamErrorKind::Connect
        | UpstreamErrorKind::ConnectTimeout
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::NoUpgrade
        | UpstreamErrorKind::Silent
        | UpstreamErrorKind::Closed
        | UpstreamErrorKind::Protocol
        | UpstreamErrorKind::Ended => 14,
    }
}

const fn status(kind: UpstreamErrorKind) -> StatusCode {
    match kind {
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::NoUpgrade
        | UpstreamErrorKind::Closed
        | UpstreamErrorKind::Protocol => StatusCode::BAD_GATEWAY,
        UpstreamErrorKind::ConnectTimeout
        | UpstreamErrorKind::ResponseTimeout
        | UpstreamErrorKind::Silent
        | UpstreamErrorKind::Overdue => StatusCode::GATEWAY_TIMEOUT,
        UpstreamErrorKind::RequestBodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        UpstreamErrorKind::RequestBodyTimeout => StatusCode::REQUEST_TIMEOUT,
        UpstreamErrorKind::RequestBody | UpstreamErrorKind::RequestBodyMalformed => {
            StatusCode::BAD_REQUEST
        }
        UpstreamErrorKind::Full | UpstreamErrorKind::Ended => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[test]
    fn each_dialect_is_told_in_its_own_words() {
        for (kind, status, grpc) in [
            (UpstreamErrorKind::Connect, 502, "14"),
            (UpstreamErrorKind::Full, 503, "14"),
            (UpstreamErrorKind::Silent, 504, "14"),
            (UpstreamErrorKind::ResponseTimeout, 504, "4"),
            (UpstreamErrorKind::Overdue, 504, "4"),
            (UpstreamErrorKind::RequestBodyTooLong, 413, "8"),
        ] {
            let error = UpstreamError::new(kind, "orders".into());
            let http = of_upstream(&error, Dialect::Http);
            assert_eq!(http.status(), status);
            assert!(!http.headers().contains_key(GRPC_STATUS));
            let told = of_upstream(&error, Dialect::Grpc);
            assert_eq!(
                (told.status(), told.body().is_end_stream()),
                (StatusCode::OK, true)
            );
            assert_eq!(told.headers()[GRPC_STATUS], grpc);
            assert_eq!(told.headers()[GRPC_MESSAGE], error.to_string());
            assert_eq!(told.extensions().get(), Some(&kind));
            for answer in [http, told] {
                let is_told_when = answer.headers().contains_key(RETRY_AFTER);
                assert_eq!(is_told_when, kind == UpstreamErrorKind::Full);
            }
        }
    }
}
