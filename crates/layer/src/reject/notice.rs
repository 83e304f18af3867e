use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::Refusal;

/// What a hook is told of a refusal: what its client is told, and no more.
///
/// Neither the request nor the key nor the true reason is here. What must not
/// be told cannot be written into a page by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    kind: RefusalKind,
    status: StatusCode,
    retry_after: Option<Duration>,
}

impl Notice {
    pub(super) fn of(refusal: &Refusal) -> Self {
        Self {
            kind: refusal.kind(),
            status: refusal.status(),
            retry_after: refusal.retry_after_seconds().map(Duration::from_secs),
        }
    }

    /// Which refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// The status with which it is answered.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// How long the client is told to wait, in whole seconds, one at least;
    /// nothing where it is told nothing of the sort.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// Which [`Refusal`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The request carries no credential.
    MissingCredential,
    /// The request carries something that cannot be read, or several.
    InvalidRequest,
    /// The credential is not good here, for whatever reason.
    InvalidToken,
    /// The key is good, and lacks a permission.
    InsufficientScope,
    /// The key is good, and was used too often.
    RateLimited,
    /// Nobody can say now.
    Unavailable,
    /// The check is not set up as the program meant it.
    Misconfigured,
}

impl RefusalKind {
    /// The kind as one lower-case word, the `error` of the body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingCredential => "missing_credential",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
