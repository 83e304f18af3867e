use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::manager::shared::Shared;
use crate::manager::{ManagerBuilder, ManagerConfig, ManagerStats, StoreStatus};
use crate::store::{Store, StoreError};

/// A request to a background task to do its work now, and where to say how it
/// went.
pub(super) type Request = oneshot::Sender<Result<(), StoreError>>;

/// Issues keys and validates tokens.
///
/// Cheap to clone. The background tasks end once the last handle is dropped,
/// and write what was counted; [`KeyManager::shutdown`] waits for that.
///
/// A change runs in a task of the manager's runtime from its first poll on: it
/// is made, or refused and told by the trail, also where whoever asked for it
/// goes away. Of refused changes the trail tells each once a minute, and then
/// how many more `attempts` there were; of more than a hundred different ones
/// in that time, their number by who tried what. What is counted is written
/// with the next flush, and lost with a process that is killed before; where a
/// store does not say whether it was written it is written again, so that the
/// trail may tell of more `attempts` than there were.
#[derive(Clone)]
pub struct KeyManager {
    shared: Arc<Shared>,
    tasks: Arc<Tasks>,
}

/// The background tasks of a manager. They end with it.
pub(super) struct Tasks {
    pub(super) follower: mpsc::Sender<Request>,
    pub(super) flusher: mpsc::Sender<Request>,
    pub(super) warm_up: Option<AbortHandle>,
}

impl KeyManager {
    /// Begins to build a manager over `store`.
    pub fn builder(store: impl Store) -> ManagerBuilder {
        ManagerBuilder::new(Arc::new(store))
    }

    pub(super) fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        let tasks = Arc::new(tasks);
        Self { shared, tasks }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The manager's clock: doors read the time from it as well.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The configuration with which the manager was built.
    #[must_use]
    pub fn config(&self) -> &ManagerConfig {
        &self.shared.config
    }

    /// Counts since the manager was built.
    #[must_use]
    pub fn stats(&self) -> ManagerStats {
        self.shared.stats()
    }

    /// How the store stands, as this node knows it.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        let age = self.shared.freshness.age(self.shared.clock.now());
        StoreStatus {
            age,
            fresh: age <= self.shared.config.max_staleness,
            last_error: self.shared.counters.last_error(),
            fault: self.shared.store.fault(),
            missing_roots: self.shared.missing_roots.names(),
        }
    }

    /// How long cached keys go on counting while the store does not answer.
    #[must_use]
    pub fn max_staleness(&self) -> Duration {
        self.shared.config.max_staleness
    }

    /// Asks the store for changes now, without waiting for the next poll.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] where the store does not answer.
    pub async fn poll_now(&self) -> Result<(), Error> {
        ask(&self.tasks.follower).await
    }

    /// Writes what was counted now, without waiting for the next flush.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] where the store does not answer; the counts
    /// are kept.
    pub async fn flush_usage(&self) -> Result<(), Error> {
        ask(&self.tasks.flusher).await
    }

    /// Reads no more keys ahead, and writes what was counted, before the
    /// process ends.
    ///
    /// # Errors
    ///
    /// As [`KeyManager::flush_usage`].
    pub async fn shutdown(&self) -> Result<(), Error> {
        self.tasks.stop_warm_up();
        self.flush_usage().await
    }
}

impl Tasks {
    fn stop_warm_up(&self) {
        if let Some(warm_up) = &self.warm_up {
            warm_up.abort();
        }
    }
}

/// The follower and the flusher notice the end of their channels.
impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop_warm_up();
    }
}

impl fmt::Debug for KeyManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyManager")
            .field("store", &self.shared.store)
            .field("keyring", &self.shared.keyring)
            .finish_non_exhaustive()
    }
}

async fn ask(task: &mpsc::Sender<Request>) -> Result<(), Error> {
    let gone = || {
        Error::new(
            ErrorKind::NoRuntime,
            "the manager's background task has ended",
        )
    };
    let (reply, answer) = oneshot::channel();
    task.send(reply).await.map_err(|_| gone())?;
    Ok(answer.await.map_err(|_| gone())??)
}
