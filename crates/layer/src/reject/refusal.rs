use std::time::Duration;

use http::{HeaderMap, StatusCode};
use portcullis_admission::{Admission, Allowance, Decision};
use portcullis_core::verdict::{Denial, DenialReason};

use super::RefusalKind;
use super::dialect::tell_grpc;
use crate::fields::whole_seconds;

/// Why a request is not forwarded, as far as its client may know.
///
/// Exhaustive, so that a door which answers in words of its own cannot forget
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request carries no credential.
    MissingCredential,
    /// The request carries something that cannot be read, or several.
    InvalidRequest,
    /// The credential is not good here, for whatever reason.
    InvalidToken,
    /// The key is good, and lacks a permission.
    InsufficientScope,
    /// The key is good, and was used too often.
    RateLimited(Allowance),
    /// Nobody can say now.
    Unavailable {
        /// How long to wait before asking again.
        retry_after: Duration,
    },
    /// The check is not set up as the program meant it.
    Misconfigured,
}

impl Refusal {
    /// The admission, where the request may pass.
    ///
    /// # Errors
    ///
    /// What to tell the client, where it may not.
    pub fn unless_admitted(decision: Decision) -> Result<Admission, Self> {
        match decision {
            Decision::Admitted(admission) => Ok(admission),
            Decision::Refused(denial) => Err(Self::from(denial)),
            Decision::Throttled(throttle) => Err(Self::RateLimited(throttle.allowance())),
            Decision::Unavailable(unavailability) => Err(Self::Unavailable {
                retry_after: unavailability.retry_after(),
            }),
        }
    }

    /// Which of them it is, without what belongs to this one request.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::MissingCredential => RefusalKind::MissingCredential,
            Self::InvalidRequest => RefusalKind::InvalidRequest,
            Self::InvalidToken => RefusalKind::InvalidToken,
            Self::InsufficientScope => RefusalKind::InsufficientScope,
            Self::RateLimited(_) => RefusalKind::RateLimited,
            Self::Unavailable { .. } => RefusalKind::Unavailable,
            Self::Misconfigured => RefusalKind::Misconfigured,
        }
    }

    /// The refusal as one lower-case word: in the body, and as the label
    /// `outcome`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::MissingCredential | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The refusal as the trailers of a gRPC answer that had begun when it came
    /// to it.
    #[must_use]
    pub fn grpc_trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        tell_grpc(&mut trailers, self.kind(), self.retry_after_seconds());
        trailers
    }

    /// How long the client is to wait; never shorter than true.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(allowance) => Some(allowance.until_next()),
            Self::Unavailable { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The same in whole seconds, as `Retry-After` says it: rounded up, and one
    /// at least, because zero would invite the very next request.
    pub(super) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after().map(|wait| whole_seconds(wait).max(1))
    }

    /// The problem details (RFC 9457), the same bytes each time. A rate that
    /// is exceeded is a problem type of draft-ietf-httpapi-ratelimit-headers.
    pub(super) const fn problem(&self) -> &'static str {
        match self {
            Self::MissingCredential => concat!(
                r#"{"type":"about:blank","title":"Unauthorized","status":401,"#,
                r#""detail":"a credential is required","error":"missing_credential"}"#
            ),
            Self::InvalidRequest => concat!(
                r#"{"type":"about:blank","title":"Bad Request","status":400,"#,
                r#""detail":"the request must carry exactly one well-formed credential","#,
                r#""error":"invalid_request"}"#
            ),
            Self::InvalidToken => concat!(
                r#"{"type":"about:blank","title":"Unauthorized","status":401,"#,
                r#""detail":"the credential is not valid here","error":"invalid_token"}"#
            ),
            Self::InsufficientScope => concat!(
                r#"{"type":"about:blank","title":"Forbidden","status":403,"#,
                r#""detail":"the key lacks a permission that this request needs","#,
                r#""error":"insufficient_scope"}"#
            ),
            Self::RateLimited(_) => concat!(
                r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","#,
                r#""title":"Request cannot be satisfied as assigned quota has been exceeded","#,
                r#""status":429,"detail":"the key was used too often","#,
                r#""violated-policies":["default"],"error":"rate_limited"}"#
            ),
            Self::Unavailable { .. } => concat!(
                r#"{"type":"about:blank","title":"Service Unavailable","status":503,"#,
                r#""detail":"the credential cannot be checked at the moment","error":"unavailable"}"#
            ),
            Self::Misconfigured => concat!(
                r#"{"type":"about:blank","title":"Internal Server Error","status":500,"#,
                r#""detail":"the check of credentials is not set up","error":"misconfigured"}"#
            ),
        }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::from(denial.reason())
    }
}

impl From<DenialReason> for Refusal {
    /// A missing permission is told; every other reason is one and the same.
    fn from(reason: DenialReason) -> Self {
        match reason {
            DenialReason::Permission => Self::InsufficientScope,
            _ => Self::InvalidToken,
        }
    }
}
