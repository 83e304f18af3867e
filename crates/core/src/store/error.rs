use std::error::Error as StdError;
use std::fmt;

/// Why a store did not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The named service or key does not exist.
    NotFound,
    /// A record of this name or id exists already.
    AlreadyExists,
    /// What stands there is not what the change was made from: a record has
    /// another version, or the audit trail another event.
    Conflict,
    /// The service's key quota is reached.
    QuotaReached,
    /// The service is retired (it issues no keys), or the root under which the
    /// change is sealed is (nothing is made under it); the message says which.
    Retired,
    /// Something still stands on what was to be removed.
    InUse,
    /// What was asked for cannot be: the message says what is allowed.
    Invalid,
    /// Somebody else holds the store for longer than was waited.
    Busy,
    /// The store cannot be reached, read or written now.
    Unavailable,
    /// What is stored is not what was written.
    Corrupt,
    /// The file or database belongs to another program.
    Foreign,
    /// The database was written by a newer version.
    Newer,
    /// The store did not say whether the change was committed.
    OutcomeUnknown,
}

impl StoreErrorKind {
    /// The kind as one lower-case word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::QuotaReached => "quota_reached",
            Self::Retired => "retired",
            Self::InUse => "in_use",
            Self::Invalid => "invalid",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
            Self::Foreign => "foreign",
            Self::Newer => "newer",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }
}

impl StoreError {
    /// An error of this kind; the message is one sentence without a full stop,
    /// and holds no secret.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn with_source(
        kind: StoreErrorKind,
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
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
