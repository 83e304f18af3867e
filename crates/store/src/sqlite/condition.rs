use std::time::{Duration, Instant};

use portcullis_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use super::database::checkpoint;
use super::error::{Failure, Fault};
use super::link::Link;

/// The length of the log, in bytes, from which on it is moved into the database
/// even if others have to wait for that.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;
/// How long they wait at most, and how often at most this is tried.
const PATIENCE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(250);

/// What the writer knows of the disk: whether changes can be made, and how long
/// the log has become. A change of either is told once.
#[derive(Debug, Default)]
pub(super) struct Condition {
    fault: Option<Fault>,
    /// Whether the changes at hand have met one.
    met: bool,
    over_limit: bool,
    last_try: Option<Instant>,
}

impl Condition {
    /// Before changes are made: where the last ones met a fault, tries whether
    /// that is over, with a transaction that changes nothing. Fails where it is
    /// not: what waits was not tried, and is known not to be made. It also
    /// writes over what a transaction of unknown outcome may have left at the
    /// end of the log.
    pub(super) fn begin(&mut self, link: &Link) -> Result<(), StoreError> {
        self.met = false;
        let Some(fault) = self.fault else {
            return Ok(());
        };
        if fault == Fault::Connection
            && let Err(error) = link.renew_writer()
        {
            tracing::debug!(%error, "there is no new connection yet");
        }
        link.write(|connection| Ok(try_writing(connection)?))
            .flatten()
    }

    /// Notes an error that a change met.
    pub(super) fn met(&mut self, error: &StoreError) {
        let fault = Fault::of(error);
        if fault == Fault::None {
            return;
        }
        self.met = true;
        if self.fault.replace(fault).is_none() {
            tracing::error!(%error, "changes cannot be written, and are refused until they can");
        }
    }

    /// After changes were committed.
    pub(super) fn committed(&mut self) {
        if !self.met && self.fault.take().is_some() {
            tracing::info!("changes are written again");
        }
    }

    /// Keeps the log below its limit, after a commit. SQLite empties it by
    /// itself whenever nobody reads; where somebody always does, whoever comes
    /// next waits for those that are there.
    pub(super) fn bound_log(&mut self, link: &Link) {
        if link.log_length() <= LOG_LIMIT {
            return self.within_limit();
        }
        if self.last_try.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        empty_log(link, PATIENCE);
        self.last_try = Some(Instant::now());
        let length = link.log_length();
        if length <= LOG_LIMIT {
            self.within_limit();
        } else if !std::mem::replace(&mut self.over_limit, true) {
            tracing::warn!(
                bytes = length,
                limit = LOG_LIMIT,
                "the log of the database grows: somebody has been reading from it all the time"
            );
        }
    }

    /// Empties the log while nobody writes; false where it could not be.
    pub(super) fn rest(&mut self, link: &Link) -> bool {
        let emptied = empty_log(link, Duration::ZERO);
        if emptied {
            self.within_limit();
        }
        emptied
    }

    fn within_limit(&mut self) {
        if std::mem::take(&mut self.over_limit) {
            tracing::info!("the log of the database is within its limit again");
        }
    }
}

fn try_writing(connection: &mut Connection) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // There and back: SQLite writes nothing where nothing was ever another.
    for _ in 0..2 {
        transaction.execute("UPDATE head SET tag = ~tag WHERE one = 1", [])?;
    }
    Ok(transaction.commit()?)
}

fn empty_log(link: &Link, patience: Duration) -> bool {
    if !link.is_current() {
        return false;
    }
    match link.write(|connection| checkpoint(connection, patience)) {
        Ok(Ok(emptied)) => emptied,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the log stays as it is");
            false
        }
        Err(_) => false,
    }
}
