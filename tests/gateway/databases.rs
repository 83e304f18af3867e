//! What operators do to a database's file.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

/// Copies a database that is in use, as an operator's backup does.
pub(crate) fn copy(from: &Path, to: &Path) {
    let source = Connection::open(from).expect("opened");
    let mut target = Connection::open(to).expect("opened");
    target
        .busy_timeout(Duration::from_secs(10))
        .expect("a timeout");
    let backup = Backup::new(&source, &mut target).expect("a backup");
    backup
        .run_to_completion(1_000, Duration::from_millis(5), None)
        .expect("copied");
}

/// Has all of a database in its one file.
pub(crate) fn checkpoint(path: &Path) {
    let connection = Connection::open(path).expect("opened");
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("checkpointed");
}
