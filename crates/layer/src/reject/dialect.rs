use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{RefusalKind, details};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// How a client wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// By status, fields, and problem details (RFC 9457).
    Http,
    /// By status 200 and `grpc-status`, in a response that is header fields
    /// alone ("Trailers-Only" of gRPC over HTTP/2).
    Grpc,
    /// As [`Dialect::Grpc`], for gRPC-Web in binary.
    GrpcWeb,
    /// As [`Dialect::Grpc`], for gRPC-Web in base64.
    GrpcWebText,
}

impl Dialect {
    /// The dialect that a request with these fields speaks.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(rest) = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"))
        else {
            return Self::Http;
        };
        if rest.starts_with(b"-web-text") {
            Self::GrpcWebText
        } else if rest.starts_with(b"-web") {
            Self::GrpcWeb
        } else {
            Self::Grpc
        }
    }

    pub(super) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Http => "application/problem+json",
            Self::Grpc => "application/grpc",
            Self::GrpcWeb => "application/grpc-web",
            Self::GrpcWebText => "application/grpc-web-text",
        })
    }
}

/// Says the refusal in gRPC's words: status, message, and where there is a time
/// to wait, that too.
pub(super) fn tell_grpc(headers: &mut HeaderMap, kind: RefusalKind, wait: Option<u64>) {
    let (status, message) = (grpc_status(kind), kind.as_str());
    headers.insert(GRPC_STATUS, status.into());
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    if let Some(seconds) = wait
        && let Some(details) = details::retry_after(status, message, seconds)
    {
        headers.insert(GRPC_STATUS_DETAILS, details);
    }
}

/// The status code of gRPC.
const fn grpc_status(kind: RefusalKind) -> u16 {
    match kind {
        RefusalKind::InvalidRequest => 3,
        RefusalKind::MissingCredential | RefusalKind::InvalidToken => 16,
        RefusalKind::InsufficientScope => 7,
        RefusalKind::RateLimited => 8,
        RefusalKind::Unavailable => 14,
        RefusalKind::Misconfigured => 13,
    }
}
