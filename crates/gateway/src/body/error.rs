use std::error::Error;
use std::fmt;

/// A body that did not come to its end.
#[derive(Debug)]
pub struct BodyError {
    kind: BodyErrorKind,
    from: BodySource,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyErrorKind {
    /// Nothing came for as long as the idle timeout.
    Stalled,
    /// It came more slowly than it may.
    Slow,
    /// It is longer than it may be.
    TooLong,
    /// The time was over that the whole exchange may take.
    Overdue,
    /// The connection broke.
    Broken,
    /// What came is no body.
    Malformed,
    /// The gateway ended it, for example because the request's key is revoked.
    Ended,
}

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodySource {
    /// A request's body.
    Client,
    /// A response's body.
    Upstream,
}

impl BodyErrorKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 7] = [
        Self::Stalled,
        Self::Slow,
        Self::TooLong,
        Self::Overdue,
        Self::Broken,
        Self::Malformed,
        Self::Ended,
    ];

    /// The kind as one lower-case word: the label `kind` of metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::Slow => "slow",
            Self::TooLong => "too_long",
            Self::Overdue => "overdue",
            Self::Broken => "broken",
            Self::Malformed => "malformed",
            Self::Ended => "ended",
        }
    }
}

impl BodyError {
    pub(crate) const fn stalled(from: BodySource) -> Self {
        Self::without_cause(BodyErrorKind::Stalled, from)
    }

    pub(crate) const fn slow(from: BodySource) -> Self {
        Self::without_cause(BodyErrorKind::Slow, from)
    }

    pub(crate) const fn too_long(from: BodySource) -> Self {
        Self::without_cause(BodyErrorKind::TooLong, from)
    }

    pub(crate) const fn overdue(from: BodySource) -> Self {
        Self::without_cause(BodyErrorKind::Overdue, from)
    }

    /// What came is no body, and why.
    pub(crate) fn malformed(from: BodySource, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind: BodyErrorKind::Malformed,
            from,
            cause: Some(Box::new(cause)),
        }
    }

    /// The cause is what HTTP/2 tells the other side: this stream alone, and for no fault of the
    /// connection's (RFC 9113 section 7).
    pub(crate) fn ended(from: BodySource) -> Self {
        Self {
            kind: BodyErrorKind::Ended,
            from,
            cause: Some(Box::new(h2::Error::from(h2::Reason::CANCEL))),
        }
    }

    const fn without_cause(kind: BodyErrorKind, from: BodySource) -> Self {
        Self {
            kind,
            from,
            cause: None,
        }
    }

    /// The body broke off, unless the cause says itself what became of it.
    pub(crate) fn of(from: BodySource, cause: Box<dyn Error + Send + Sync>) -> Self {
        match cause.downcast() {
            Ok(error) => *error,
            Err(cause) => Self::broken(from, cause),
        }
    }

    pub(crate) fn broken(from: BodySource, cause: Box<dyn Error + Send + Sync>) -> Self {
        Self {
            kind: BodyErrorKind::Broken,
            from,
            cause: Some(cause),
        }
    }

    /// Why the body ended early.
    #[must_use]
    pub const fn kind(&self) -> BodyErrorKind {
        self.kind
    }

    /// Who was sending it.
    #[must_use]
    pub const fn from(&self) -> BodySource {
        self.from
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match self.from {
            BodySource::Client => "the request's body",
            BodySource::Upstream => "the response's body",
        };
        match self.kind {
            BodyErrorKind::Stalled => write!(f, "{body} stood still for too long"),
            BodyErrorKind::Slow => write!(f, "{body} came too slowly"),
            BodyErrorKind::TooLong => write!(f, "{body} is too long"),
            BodyErrorKind::Overdue => write!(f, "{body} was not over in time"),
            BodyErrorKind::Broken => write!(f, "{body} broke off"),
            BodyErrorKind::Malformed => write!(f, "{body} is malformed"),
            BodyErrorKind::Ended => write!(f, "{body} was ended"),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::{BodyError, BodySource};

    #[test]
    fn what_was_ended_says_so_in_http2() {
        for source in [BodySource::Client, BodySource::Upstream] {
            let error = BodyError::ended(source);
            let cause = error.source().and_then(|cause| cause.downcast_ref());
            let reason = cause.and_then(h2::Error::reason);
            assert_eq!(reason, Some(h2::Reason::CANCEL));
        }
    }
}
