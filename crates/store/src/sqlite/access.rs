//! Whether a database may be written, and what lies beside it.
//!
//! SQLite goes on with a file that may only be read, and makes the log and its
//! index with the file's mode: nobody could write to these any more, nor to the
//! database once that may be written again.

use std::fs::Metadata;
use std::path::Path;

use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, MAIN_DB};

use super::error::Failure;
use super::identity::beside;
use super::owner;

/// Fails where a connection that is to write cannot, before it has made
/// anything; and mends what such a connection of somebody else has left.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let database = std::fs::metadata(path).map_err(|error| {
        let message = format!("database {} cannot be looked at: {error}", path.display());
        Failure::new(StoreErrorKind::Unavailable, message)
    })?;
    if connection.is_readonly(MAIN_DB)? {
        let message = format!(
            "database {} may not be written by this process{}: a store writes to it from its start \
             on; to check it and to copy it, it need not be written",
            path.display(),
            owner::mode(&database)
        );
        return Err(Failure::new(StoreErrorKind::Unavailable, message));
    }
    ["-wal", "-shm"]
        .into_iter()
        .try_for_each(|suffix| mend(&beside(path, suffix), &database))
}

fn mend(file: &Path, database: &Metadata) -> Result<(), Failure> {
    if owner::may_write(file) {
        return Ok(());
    }
    let shown = file.display();
    match owner::open_unopened(file, database) {
        Ok(()) => {
            tracing::warn!(path = %shown, "this file could not be written, and was given the mode of the database");
            Ok(())
        }
        Err(error) => {
            let message = format!(
                "{shown} may not be written by this process, and the database may ({error}): give \
                 it the mode and the owner of the database"
            );
            Err(Failure::new(StoreErrorKind::Unavailable, message))
        }
    }
}
