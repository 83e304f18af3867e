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
    /// The connection broke, or what came on it was no body.
    Broken,
}

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodySource {
    /// A request's body.
    Client,
    /// A response's body.
    Upstream,
}

impl BodyError {
    pub(crate) const fn stalled(from: BodySource) -> Self {
        Self {
            kind: BodyErrorKind::Stalled,
            from,
            cause: None,
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
            BodyErrorKind::Broken => write!(f, "{body} broke off"),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
