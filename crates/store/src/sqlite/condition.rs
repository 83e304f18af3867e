use std::time::{Duration, Instant};

use portcullis_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use super::checkpoint::Emptied;
use super::error::{Failure, Fault, word};
use super::link::Link;
use super::standing::Standing;

/// The length of the log, in bytes, from which on it is moved into the database
/// even if others have to wait for that.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;
/// How long they wait at most, and how often at most this is tried.
const PATIENCE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(250);

/// What the writer knows of the disk: whether changes can be made, and whether
/// the log can be emptied. A change of either is told once.
#[derive(Debug, Default)]
pub(super) struct Condition {
    fault: Option<Fault>,
    /// The fault in the words of operators.
    standing: Standing,
    /// Whether the changes at hand have met one.
    met: bool,
    /// What is the matter with the log, and was told.
    log: Option<Trouble>,
    last_try: Option<Instant>,
}

/// Why the log is not emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Somebody reads from it all the time, and it is over its limit.
    Held,
    /// The disk or the files do not allow it.
    Failed,
}

impl Condition {
    pub(super) fn new(standing: Standing) -> Self {
        Self {
            standing,
            ..Self::default()
        }
    }

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
        self.standing.set(Some(word(error)));
    }

    /// After changes were committed.
    pub(super) fn committed(&mut self) {
        if !self.met && self.fault.take().is_some() {
            self.standing.set(None);
            tracing::info!("changes are written again");
        }
    }

    /// Keeps the log below its limit, after a commit. SQLite empties it by
    /// itself whenever nobody reads; where somebody always does, whoever comes
    /// next waits for those that are there.
    pub(super) fn bound_log(&mut self, link: &Link) {
        if link.log_length() <= LOG_LIMIT {
            if self.log == Some(Trouble::Held) {
                self.log_is_well();
            }
            return;
        }
        if self.last_try.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        let emptied = link.empty_log(PATIENCE);
        self.last_try = Some(Instant::now());
        match emptied {
            Some(Emptied::Done) => self.log_is_well(),
            Some(Emptied::Held) => self.log_is_held(link.log_length()),
            Some(Emptied::Failed(failure)) => self.log_fails(failure),
            None => {}
        }
    }

    /// What is done while nobody writes: where changes met a fault, tries
    /// whether that is over, so that whoever watches hears of it without one
    /// more change; and empties the log. False where either could not be done.
    pub(super) fn rest(&mut self, link: &Link) -> bool {
        let writable = self.try_again(link);
        self.rest_log(link) && writable
    }

    fn try_again(&mut self, link: &Link) -> bool {
        if self.fault.is_none() {
            return true;
        }
        let tried = link.follow().and_then(|()| self.begin(link));
        match &tried {
            Err(error) => self.met(error),
            Ok(()) => self.committed(),
        }
        tried.is_ok()
    }

    fn rest_log(&mut self, link: &Link) -> bool {
        match link.empty_log(Duration::ZERO) {
            Some(Emptied::Done) => {
                self.log_is_well();
                true
            }
            Some(Emptied::Failed(failure)) => {
                self.log_fails(failure);
                false
            }
            // While nothing is written it does not grow, whoever reads from it.
            Some(Emptied::Held) | None => false,
        }
    }

    fn log_is_held(&mut self, bytes: u64) {
        if bytes <= LOG_LIMIT {
            self.log_is_well();
        } else if self.log.replace(Trouble::Held) != Some(Trouble::Held) {
            tracing::warn!(
                bytes,
                limit = LOG_LIMIT,
                "the log of the database grows: somebody has been reading from it all the time"
            );
        }
    }

    fn log_fails(&mut self, failure: Failure) {
        if self.log.replace(Trouble::Failed) != Some(Trouble::Failed) {
            let error = StoreError::from(failure);
            tracing::error!(%error, "the log of the database cannot be moved into it, and grows with every change");
        }
    }

    fn log_is_well(&mut self) {
        match self.log.take() {
            None => {}
            Some(Trouble::Held) => {
                tracing::info!("the log of the database is within its limit again");
            }
            Some(Trouble::Failed) => {
                tracing::info!("the log of the database is moved into it again");
            }
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
