use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};

use crate::body::ProxyBody;

/// An answer that is always the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FixedResponse {
    pub(crate) status: StatusCode,
    /// Only told where there is a body.
    pub(crate) content_type: HeaderValue,
    pub(crate) body: Bytes,
}

impl FixedResponse {
    /// Whether answers of a status may have a body (RFC 9110 section 6.4.1).
    pub(crate) fn may_have_body(status: StatusCode) -> bool {
        ![
            StatusCode::NO_CONTENT,
            StatusCode::RESET_CONTENT,
            StatusCode::NOT_MODIFIED,
        ]
        .contains(&status)
    }

    pub(super) fn respond(&self) -> Response<ProxyBody> {
        let body = Full::new(self.body.clone()).map_err(|never| match never {});
        let mut response = Response::new(ProxyBody::of(body));
        *response.status_mut() = self.status;
        if !self.body.is_empty() {
            let content_type = self.content_type.clone();
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        response
    }
}
