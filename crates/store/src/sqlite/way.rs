use std::io;
use std::path::Path;
use std::time::SystemTime;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::connection::BUSY_TIMEOUT;
use super::error::Failure;
use super::identity::{Identity, beside};
use super::schema;

/// How often a database is looked at again that somebody opened meanwhile.
pub(super) const LOOKS: u32 = 3;

/// How a database is read without a change to it or to what lies beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Like anybody: it is in use, or was until its process was killed.
    Shared,
    /// The file alone: it has no log, and nobody has it open.
    Alone,
    /// With its log, whose index is kept in memory: a copy of both.
    WithLog,
}

impl Way {
    /// The way to the database at the path, as things are now.
    pub(super) fn to(path: &Path) -> Self {
        if beside(path, "-shm").exists() {
            Self::Shared
        } else if std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
            Self::WithLog
        } else {
            Self::Alone
        }
    }

    pub(super) fn open(self, path: &Path) -> Result<Connection, Failure> {
        let query = match self {
            Self::Shared => "mode=ro",
            Self::Alone => "immutable=1",
            // Without locks there is no index in a file either.
            Self::WithLog if cfg!(unix) => "mode=ro&vfs=unix-none",
            Self::WithLog => "mode=ro",
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(schema::uri(path, query), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        if self == Self::WithLog {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        Ok(connection)
    }
}

/// What changes where somebody opens a database, or writes to it.
pub(super) fn stand(path: &Path) -> io::Result<(Option<Identity>, u64, SystemTime)> {
    let metadata = std::fs::metadata(path)?;
    Ok((Identity::of(path)?, metadata.len(), metadata.modified()?))
}
