//! What can go wrong, told to the one who asked.

use std::error::Error as StdError;
use std::fmt;

use crate::store::{StoreError, StoreErrorKind};

/// A value that does not have the form that its field requires.
///
/// It names the field and what is allowed, and never repeats the value: the
/// value may be a secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    field: &'static str,
    expected: String,
}

impl Invalid {
    /// Says that `field` must be as `expected` describes.
    #[must_use]
    pub fn new(field: &'static str, expected: impl Into<String>) -> Self {
        Self {
            field,
            expected: expected.into(),
        }
    }

    /// The field's name as users write it.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// What the field allows.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}: expected {}", self.field, self.expected)
    }
}

impl StdError for Invalid {}

/// Why an operation of the [`KeyManager`](crate::KeyManager) did not happen.
///
/// Validation never fails: it answers with a [`Verdict`](crate::Verdict).
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`] that a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A field has a form that is not allowed; nothing was changed.
    Invalid,
    /// The named service or key does not exist.
    NotFound,
    /// A service of this name exists already.
    AlreadyExists,
    /// The record was changed by somebody else in between; read it again.
    Conflict,
    /// The key's state forbids the operation, for example rotating a revoked key.
    State,
    /// The service holds as many live keys as its quota allows.
    QuotaReached,
    /// What is wanted is retired; the message says what. A retired **service**
    /// issues no keys, and accepts none. Under a retired **root** nothing is
    /// made: this node's keyring has one for its current root, and another one
    /// must be made current.
    Retired,
    /// Something still stands on what was to be removed.
    InUse,
    /// The cursor was not made by this keyring for this listing.
    Cursor,
    /// The keyring lacks a root, or holds another secret under a root's name.
    Keyring,
    /// The store cannot be used now; nothing is known to have changed.
    Unavailable,
    /// The store did not say whether the change was committed.
    OutcomeUnknown,
    /// What the store returned is not what was stored.
    Corrupt,
    /// There is no asynchronous runtime to run the background tasks on.
    NoRuntime,
}

impl ErrorKind {
    const ALL: [Self; 14] = [
        Self::Invalid,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::State,
        Self::QuotaReached,
        Self::Retired,
        Self::InUse,
        Self::Cursor,
        Self::Keyring,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Corrupt,
        Self::NoRuntime,
    ];

    /// The kind of this word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The kind as one lower-case word, for logs and machine-readable output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::State => "state",
            Self::QuotaReached => "quota_reached",
            Self::Retired => "retired",
            Self::InUse => "in_use",
            Self::Cursor => "cursor",
            Self::Keyring => "keyring",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Corrupt => "corrupt",
            Self::NoRuntime => "no_runtime",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            source: Some(Box::new(source)),
        }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::with_source(ErrorKind::Invalid, invalid.to_string(), invalid)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::NotFound => ErrorKind::NotFound,
            StoreErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            StoreErrorKind::Conflict => ErrorKind::Conflict,
            StoreErrorKind::QuotaReached => ErrorKind::QuotaReached,
            StoreErrorKind::Retired => ErrorKind::Retired,
            StoreErrorKind::InUse => ErrorKind::InUse,
            StoreErrorKind::Invalid => ErrorKind::Invalid,
            StoreErrorKind::Corrupt => ErrorKind::Corrupt,
            StoreErrorKind::OutcomeUnknown => ErrorKind::OutcomeUnknown,
            StoreErrorKind::Busy
            | StoreErrorKind::Unavailable
            | StoreErrorKind::Foreign
            | StoreErrorKind::Newer => ErrorKind::Unavailable,
        };
        Self::with_source(kind, error.to_string(), error)
    }
}
