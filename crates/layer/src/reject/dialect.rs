use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::Refusal;

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

/// The status code of gRPC, and what is said beside it.
pub(super) const fn grpc_status(refusal: &Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::InvalidRequest => ("3", "invalid_request"),
        Refusal::MissingCredential => ("16", "missing_credential"),
        Refusal::InvalidToken => ("16", "invalid_token"),
        Refusal::InsufficientScope => ("7", "insufficient_scope"),
        Refusal::RateLimited(_) => ("8", "rate_limited"),
        Refusal::Unavailable { .. } => ("14", "unavailable"),
        Refusal::Misconfigured => ("13", "misconfigured"),
    }
}
