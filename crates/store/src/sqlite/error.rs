use portcullis_core::store::{StoreError, StoreErrorKind};
use rusqlite::ErrorCode;

/// What stops a job: a decision of the store, or SQLite.
#[derive(Debug)]
pub(super) enum Failure {
    Store(StoreError),
    Sqlite(rusqlite::Error),
}

impl Failure {
    pub(super) fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self::Store(StoreError::new(kind, message))
    }

    /// Of something that a later version of the core added.
    pub(super) fn unknown(what: &str) -> Self {
        let message = format!("this store is older than the {what} that it was asked for");
        Self::new(StoreErrorKind::Unavailable, message)
    }

    pub(super) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Sqlite(error) => kind_of(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Sqlite(error) => {
                let message = match kind_of(&error) {
                    StoreErrorKind::Busy => "the database is locked by somebody else".to_owned(),
                    StoreErrorKind::Corrupt => format!("the database is damaged: {error}"),
                    _ => format!("the database cannot be used: {error}"),
                };
                Self::with_source(kind_of(&error), message, error)
            }
        }
    }
}

/// The kind of an error whose statement had no effect.
pub(super) fn kind_of(error: &rusqlite::Error) -> StoreErrorKind {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreErrorKind::Busy,
            ErrorCode::NotADatabase => StoreErrorKind::Foreign,
            // A constraint that the program did not see coming was broken by
            // what is stored; a statement that does not fit the schema
            // (`Unknown`) means that the schema is not as it was made.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::Unknown => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Unavailable,
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}
