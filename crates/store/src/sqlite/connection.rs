use std::path::Path;
use std::time::Duration;

use portcullis_core::store::StoreErrorKind;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::access;
use super::error::Failure;
use super::schema::{self, Standing};

/// How long a statement waits for somebody else's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// From this many pages on, each commit tries to move the log into the database
/// without waiting for anybody (4 MiB of pages of 4 KiB).
const LOG_PAGES: i64 = 1_000;
/// What is kept of the log's file when it is begun anew, in bytes.
const LOG_KEPT: i64 = 8 * 1024 * 1024;

/// What is looked at before a connection may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// All that is looked at before a file is used.
    Whole,
    /// What does not grow with the database: the file was looked at before, and
    /// has been in use since.
    Bounded,
}

/// Opens a connection that may write, and checks nothing but that.
pub(super) fn open_file(path: &Path) -> Result<Connection, Failure> {
    let connection = connection(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Before the first statement, which would make the files beside it.
    access::check(&connection, path)?;
    // NORMAL would lose the latest commits to a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens the writer's connection; `check` is one more of the checks before
/// anything of the file may be written.
pub(super) fn open_writer(
    path: &Path,
    depth: Depth,
    check: impl FnOnce(&Connection) -> Result<(), Failure>,
) -> Result<Connection, Failure> {
    let connection = open_file(path)?;
    if schema::standing(&connection, path)? != Standing::Current {
        let message = format!("{} was not migrated to the end", path.display());
        return Err(Failure::new(StoreErrorKind::Corrupt, message));
    }
    check(&connection)?;
    schema::check(&connection, depth)?;
    // A copy may have none, and gets one by a write to its header.
    schema::use_log(&connection, path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a change could be undone with: small, and on no other disk, which
    // may be full.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT, |_| Ok(()))?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Failure> {
    connection(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connection(path: &Path, access: OpenFlags) -> Result<Connection, Failure> {
    // A connection is used by one thread at a time: SQLite needs no mutex.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Until the checks have passed, closing leaves the log as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // The file may have been anywhere: its schema gets no power over us.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A plan depends on no value: without this SQLite prepares a cached
    // statement anew for each value that it might plan by.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Pages are looked at when they are read, and not only what is used of them.
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}
