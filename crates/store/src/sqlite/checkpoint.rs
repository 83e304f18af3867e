use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::BUSY_TIMEOUT;
use super::error::{Failure, kind_of};
use portcullis_core::store::StoreErrorKind;

/// What has come of an attempt to empty the log.
#[derive(Debug)]
pub(super) enum Emptied {
    /// All of it is in the database, and the file of the log is empty.
    Done,
    /// It stays, because somebody reads from it or writes to it.
    Held,
    /// It stays, because the disk or the files do not allow it.
    Failed(Failure),
}

/// Moves the whole log into the database and empties it, waiting so long at
/// most for those who read it.
pub(super) fn empty(writer: &Connection, patience: Duration) -> Emptied {
    let emptied = match try_to(writer, patience) {
        Ok(false) => Emptied::Done,
        Ok(true) => Emptied::Held,
        Err(error) if kind_of(&error) == StoreErrorKind::Busy => Emptied::Held,
        Err(error) => Emptied::Failed(error.into()),
    };
    emptied.count();
    emptied
}

/// Returns whether somebody was in the way.
fn try_to(writer: &Connection, patience: Duration) -> Result<bool, rusqlite::Error> {
    writer.busy_timeout(patience)?;
    let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    writer.busy_timeout(BUSY_TIMEOUT)?;
    busy
}

/// Attempts of this process, over all its stores: what the recorder is told, so
/// that one which is installed later misses nothing.
static COUNTS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

impl Emptied {
    /// `portcullis_store_checkpoints_total{outcome}`.
    fn count(&self) {
        let [done, held, failed] = &COUNTS;
        let (count, outcome) = match self {
            Self::Done => (done, "done"),
            Self::Held => (held, "held"),
            Self::Failed(_) => (failed, "failed"),
        };
        let count = count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        metrics::counter!("portcullis_store_checkpoints_total", "outcome" => outcome)
            .absolute(count);
    }
}
