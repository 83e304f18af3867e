use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_core::store::{StoreError, StoreErrorKind, StoreFault};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::condition::Condition;
use super::error::{Failure, uncommitted};
use super::link::Link;
use super::note::Note;
use super::standing::Standing;

/// How many jobs wait at most.
const WAITING: usize = 1_024;
/// How many jobs are committed together at most.
const GROUP: usize = 256;
/// How many records they change together at most, unless one job alone changes
/// more: as long as a transaction takes everybody waits, and the log holds it.
const RECORDS: usize = 1_000;
/// After this long without a job the log is moved into the database. A file
/// that somebody then copies is whole, and one put in its place meets no log
/// whose pages are not its own.
const IDLE: Duration = Duration::from_secs(1);

/// The thread that writes, and the queue before it.
#[derive(Debug)]
pub(super) struct Writer {
    /// Taken at the end: the thread finishes what waits, and ends.
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    standing: Standing,
}

impl Writer {
    pub(super) fn start(link: &Arc<Link>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING);
        let standing = Standing::default();
        let (link, condition) = (Arc::clone(link), Condition::new(standing.clone()));
        let thread = thread::Builder::new().name("portcullis-write".to_owned());
        let thread = thread.spawn(move || serve(&link, condition, &waiting))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            standing,
        })
    }

    /// Why no changes can be made, as the last attempt has shown.
    pub(super) fn fault(&self) -> Option<StoreFault> {
        self.standing.fault()
    }

    /// Runs a job, which changes so many records, inside one of the next
    /// transactions, and waits until that is committed. Once handed over, the
    /// job goes on without its caller.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        records: usize,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Work {
            records,
            work: Some(work),
            outcome: None,
            answer,
        });
        let ended = || StoreError::new(StoreErrorKind::Unavailable, "the store has ended");
        match self.queue.as_ref().ok_or_else(ended)?.try_send(job) {
            Ok(()) => answered.await.map_err(|_| {
                let message = "the store ended before it answered";
                StoreError::new(StoreErrorKind::OutcomeUnknown, message)
            })?,
            Err(TrySendError::Full(_)) => {
                let message = format!("{WAITING} changes wait for the database already");
                Err(StoreError::new(StoreErrorKind::Busy, message))
            }
            Err(TrySendError::Disconnected(_)) => Err(ended()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // An error means that it panicked, and said so.
            let _ = thread.join();
        }
    }
}

/// Something to write, of whatever answer.
trait Job: Send {
    /// How many records it changes.
    fn records(&self) -> usize;

    /// Does it inside an open transaction; an error undoes this job alone.
    fn apply(&mut self, connection: &Connection) -> Result<(), &StoreError>;

    /// Answers, once the fate of the transaction is known.
    fn settle(self: Box<Self>, transaction: Result<(), &StoreError>);
}

type AnyJob = Box<dyn Job>;

struct Work<T, W> {
    records: usize,
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Work<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn records(&self) -> usize {
        self.records
    }

    fn apply(&mut self, connection: &Connection) -> Result<(), &StoreError> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(connection).map_err(StoreError::from));
        }
        match &self.outcome {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn settle(self: Box<Self>, transaction: Result<(), &StoreError>) {
        let outcome = match (transaction, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            // What a job said of a transaction that did not come about counts
            // for nothing: it may have met what is undone now.
            (Err(error), _) => Err(again(error)),
            (Ok(()), None) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "the job was not run",
            )),
        };
        // Nobody may wait any more.
        let _ = self.answer.send(outcome);
    }
}

fn serve(link: &Link, mut condition: Condition, waiting: &Receiver<Box<dyn Job>>) {
    // Whoever had the database before may have left a log.
    let mut idle = false;
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(job) => Ok(job),
            None if idle => waiting.recv().map_err(RecvTimeoutError::from),
            None => waiting.recv_timeout(IDLE),
        };
        match first {
            Ok(first) => {
                let (group, left) = gather(first, waiting.try_iter());
                next = commit(link, &mut condition, waiting, group, left);
                idle = false;
            }
            // Tried again as long as somebody needs the log, or a fault lasts.
            Err(RecvTimeoutError::Timeout) => idle = condition.rest(link),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The jobs to commit together, and the first that is too much for them.
fn gather(first: AnyJob, more: impl Iterator<Item = AnyJob>) -> (Vec<AnyJob>, Option<AnyJob>) {
    let mut records = first.records();
    let mut group = vec![first];
    for job in more.take(GROUP - 1) {
        records = records.saturating_add(job.records());
        if records > RECORDS {
            return (group, Some(job));
        }
        group.push(job);
    }
    (group, None)
}

/// Runs and commits the jobs together, and answers each. Returns the one that
/// is `left` for the next time, unless it was answered with these.
fn commit(
    link: &Link,
    condition: &mut Condition,
    waiting: &Receiver<Box<dyn Job>>,
    mut group: Vec<Box<dyn Job>>,
    mut left: Option<Box<dyn Job>>,
) -> Option<Box<dyn Job>> {
    let mut outcome = link
        .follow()
        .and_then(|()| condition.begin(link))
        .and_then(|()| {
            link.write(|connection| transact(connection, condition, &mut group))
                .flatten()
        });
    match &outcome {
        Err(error) => condition.met(error),
        Ok(_) => condition.committed(),
    }
    if outcome.is_ok() && !link.is_current() {
        // It went to a file that was replaced since the look before.
        let message = "the database was replaced while the change was committed";
        outcome = Err(StoreError::new(StoreErrorKind::OutcomeUnknown, message));
    }
    if matches!(&outcome, Err(error) if error.kind() == StoreErrorKind::Busy) {
        // They waited for the same lock: none waits for it again.
        group.extend(left.take().into_iter().chain(waiting.try_iter()));
    }
    // Before anybody is told: what was acknowledged is noted.
    if let Ok(Some(note)) = outcome {
        link.note(note);
    }
    for job in group {
        job.settle(outcome.as_ref().map(|_| ()));
    }
    condition.bound_log(link);
    left
}

/// Commits what the jobs do, and reads where that has led.
fn transact(
    connection: &mut Connection,
    condition: &mut Condition,
    group: &mut [Box<dyn Job>],
) -> Result<Option<Note>, StoreError> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let mut transaction = begun.map_err(Failure::from)?;
    for job in group {
        let mut savepoint = transaction.savepoint().map_err(Failure::from)?;
        let applied = job.apply(&savepoint);
        if let Err(error) = applied {
            condition.met(error);
        }
        if savepoint.is_autocommit() {
            // Some failures of the disk end the whole transaction.
            let lost = || StoreError::new(StoreErrorKind::Unavailable, "the transaction was lost");
            return Err(applied.err().map_or_else(lost, again));
        }
        let kept = if applied.is_ok() {
            Ok(())
        } else {
            savepoint.rollback()
        };
        kept.and_then(|()| savepoint.commit())
            .map_err(Failure::from)?;
    }
    transaction.commit().map_err(uncommitted)?;
    Ok(Note::of(connection).ok())
}

/// The same error for one more waiter.
fn again(error: &StoreError) -> StoreError {
    StoreError::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests {
    use portcullis_core::store::StoreError;
    use rusqlite::Connection;

    use super::{GROUP, Job, RECORDS, gather};

    struct Records(usize);

    impl Job for Records {
        fn records(&self) -> usize {
            self.0
        }

        fn apply(&mut self, _: &Connection) -> Result<(), &StoreError> {
            Ok(())
        }

        fn settle(self: Box<Self>, _: Result<(), &StoreError>) {}
    }

    #[test]
    fn jobs_that_wait_are_committed_together_up_to_a_number_of_records() {
        let job = |records| Box::new(Records(records)) as Box<dyn Job>;
        for (waiting, taken, left) in [
            (vec![1; 3], 3, None),
            (vec![1; 2 * GROUP], GROUP, None),
            (vec![RECORDS, 1], 1, Some(1)),
            (vec![1, RECORDS], 1, Some(RECORDS)),
            (vec![RECORDS / 2, RECORDS / 2, 1], 2, Some(1)),
            (vec![10 * RECORDS, 1], 1, Some(1)),
            (vec![1, usize::MAX, 1], 1, Some(usize::MAX)),
        ] {
            let mut jobs = waiting.into_iter().map(job);
            let first = jobs.next().expect("one");
            let (group, more) = gather(first, jobs);
            let records = more.map(|job| job.records());
            assert_eq!((group.len(), records), (taken, left));
        }
    }
}
