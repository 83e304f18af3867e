//! The gateway's own answers: what it says where no upstream does.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};

use crate::body::ProxyBody;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

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
pub(crate) fn of_upstream(error: &UpstreamError) -> Response<ProxyBody> {
    let status = match error.kind() {
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::Closed
        | UpstreamErrorKind::Protocol => StatusCode::BAD_GATEWAY,
        UpstreamErrorKind::ConnectTimeout
        | UpstreamErrorKind::ResponseTimeout
        | UpstreamErrorKind::Overdue => StatusCode::GATEWAY_TIMEOUT,
        UpstreamErrorKind::RequestBodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        UpstreamErrorKind::RequestBodyTimeout => StatusCode::REQUEST_TIMEOUT,
        UpstreamErrorKind::RequestBody | UpstreamErrorKind::RequestBodyMalformed => {
            StatusCode::BAD_REQUEST
        }
        UpstreamErrorKind::Full | UpstreamErrorKind::Ended => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = respond(status, &error.to_string());
    response.extensions_mut().insert(error.kind());
    if error.kind() == UpstreamErrorKind::Full {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, soon);
    }
    response
}
