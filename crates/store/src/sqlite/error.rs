//! What SQLite's errors mean: which kind each is, what is known of the change
//! that met it, and how the store comes back without a new start.
//!
//! | SQLite says | kind | at `COMMIT` the change is | way back |
//! |---|---|---|---|
//! | `BUSY`, `LOCKED`, `PROTOCOL` | busy | not made | the other one lets go |
//! | `FULL` | unavailable | not made | there is room again |
//! | `READONLY` | unavailable | not made | a new connection |
//! | `IOERR`, `CANTOPEN`, `NOMEM` | unavailable | unknown | a new connection |
//! | `CORRUPT` | corrupt | not made | a new connection, another file |
//! | `NOTADB` | foreign | not made | a new connection, another file |
//! | anything else | unavailable or corrupt | unknown | a new connection |
//!
//! Before `COMMIT` nothing is made, whatever failed. The frame that commits is
//! the last that is written: on a full disk, or one that may not be written, it
//! is not there, and what was found damaged was found before. Where writing or
//! syncing it failed otherwise, it may be.
//!
//! After the first such failure of the writer, changes are tried with an empty
//! one before them ([`super::condition`]), so that of no further one the
//! outcome is unknown. Reads go on as far as they can; a reader whose
//! connection failed gets a new one.

use portcullis_core::store::{StoreError, StoreErrorKind, StoreFault};
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
                let message = match (kind_of(&error), error.sqlite_error_code()) {
                    (StoreErrorKind::Busy, _) => "the database is locked by somebody else".into(),
                    (StoreErrorKind::Corrupt | StoreErrorKind::Foreign, _) => {
                        format!("the database is damaged: {error}")
                    }
                    (_, Some(code)) => format!("{}: {error}", words(code)),
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
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed => StoreErrorKind::Busy,
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

/// What a failed `COMMIT` means: the table above.
pub(super) fn uncommitted(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::ConstraintViolation
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase,
        ) => error.into(),
        _ => StoreError::with_source(
            StoreErrorKind::OutcomeUnknown,
            format!("the disk did not confirm the change: {error}"),
            error,
        )
        .into(),
    }
}

/// What a failure asks of the connection that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing: it was a decision, or somebody's lock.
    None,
    /// Room on the disk: the connection is as good as before.
    Room,
    /// A new connection: the old one may go on meeting what is no longer there.
    Connection,
}

impl Fault {
    /// What an error asks for that SQLite is the source of.
    pub(super) fn of(error: &StoreError) -> Self {
        let Some(error) = sqlite(error) else {
            return Self::None;
        };
        match error.sqlite_error_code() {
            None
            | Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::OperationInterrupted,
            ) => Self::None,
            Some(ErrorCode::DiskFull) => Self::Room,
            Some(_) => Self::Connection,
        }
    }
}

/// What operators are told of an error that is a fault.
pub(super) fn word(error: &StoreError) -> StoreFault {
    match sqlite(error).and_then(rusqlite::Error::sqlite_error_code) {
        Some(ErrorCode::DiskFull) => StoreFault::Full,
        Some(ErrorCode::ReadOnly) => StoreFault::ReadOnly,
        _ => StoreFault::Failing,
    }
}

/// The error of SQLite behind it.
fn sqlite(error: &StoreError) -> Option<&rusqlite::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::DiskFull => "there is no room for the database",
        ErrorCode::ReadOnly => "the database may only be read",
        ErrorCode::SystemIoFailure => "the disk of the database fails",
        ErrorCode::CannotOpen => "a file of the database cannot be opened",
        ErrorCode::OutOfMemory => "there is no memory for the database",
        _ => "the database cannot be used",
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::store::{StoreError, StoreErrorKind, StoreFault};
    use rusqlite::ffi;

    use super::{Failure, Fault, uncommitted, word};

    fn sqlite(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn operators_are_told_what_they_can_do_about() {
        for (code, told) in [
            (ffi::SQLITE_FULL, StoreFault::Full),
            (ffi::SQLITE_READONLY_DBMOVED, StoreFault::ReadOnly),
            (ffi::SQLITE_IOERR_WRITE, StoreFault::Failing),
            (ffi::SQLITE_CORRUPT, StoreFault::Failing),
        ] {
            for failure in [Failure::from(sqlite(code)), uncommitted(sqlite(code))] {
                assert_eq!(word(&StoreError::from(failure)), told, "{code}");
            }
        }
    }

    #[test]
    fn every_error_of_sqlite_has_its_meaning() {
        use Fault::{Connection, None, Room};
        use StoreErrorKind::{Busy, Corrupt, Foreign, OutcomeUnknown, Unavailable};

        for (codes, kind, at_commit, fault) in [
            (
                &[ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT][..],
                Busy,
                Busy,
                None,
            ),
            (
                &[ffi::SQLITE_LOCKED, ffi::SQLITE_PROTOCOL],
                Busy,
                Busy,
                None,
            ),
            (&[ffi::SQLITE_FULL], Unavailable, Unavailable, Room),
            (
                &[ffi::SQLITE_READONLY, ffi::SQLITE_READONLY_DBMOVED],
                Unavailable,
                Unavailable,
                Connection,
            ),
            (
                &[
                    ffi::SQLITE_IOERR_READ,
                    ffi::SQLITE_IOERR_WRITE,
                    ffi::SQLITE_IOERR_FSYNC,
                    ffi::SQLITE_IOERR_SHMMAP,
                    ffi::SQLITE_CANTOPEN,
                    ffi::SQLITE_NOMEM,
                ],
                Unavailable,
                OutcomeUnknown,
                Connection,
            ),
            (
                &[ffi::SQLITE_CORRUPT, ffi::SQLITE_CORRUPT_INDEX],
                Corrupt,
                Corrupt,
                Connection,
            ),
            (&[ffi::SQLITE_NOTADB], Foreign, Foreign, Connection),
        ] {
            for code in codes {
                let error = StoreError::from(Failure::from(sqlite(*code)));
                assert_eq!((error.kind(), Fault::of(&error)), (kind, fault), "{code}");
                let error = StoreError::from(uncommitted(sqlite(*code)));
                assert_eq!(
                    (error.kind(), Fault::of(&error)),
                    (at_commit, fault),
                    "{code}"
                );
            }
        }
    }
}
