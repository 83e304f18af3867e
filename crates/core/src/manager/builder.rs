use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};
use crate::keyring::Keyring;
use crate::manager::handle::Tasks;
use crate::manager::shared::{Shared, within};
use crate::manager::{KeyManager, ManagerConfig, flush, follow, warm_up};
use crate::store::{RootCheck, Store};

/// Requests to a background task that wait at most.
const REQUESTS: usize = 64;

/// Collects what a [`KeyManager`] is made of.
#[derive(Debug)]
pub struct ManagerBuilder {
    store: Arc<dyn Store>,
    keyring: Option<Keyring>,
    config: ManagerConfig,
    clock: Arc<dyn Clock>,
    runtime: Option<Handle>,
}

impl ManagerBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            keyring: None,
            config: ManagerConfig::default(),
            clock: Arc::new(SystemClock::new()),
            runtime: None,
        }
    }

    /// The keyring: without one there is no manager.
    #[must_use]
    pub fn keyring(self, keyring: Keyring) -> Self {
        Self {
            keyring: Some(keyring),
            ..self
        }
    }

    /// How the manager works; the defaults where not given.
    #[must_use]
    pub fn config(self, config: ManagerConfig) -> Self {
        Self { config, ..self }
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// The runtime of the background tasks; the present one where not given.
    /// It needs its timer (`enable_time`), and must run: one of the kind
    /// `current_thread` does so only while somebody blocks on it. The manager
    /// may then be built and used on any executor, or on none.
    #[must_use]
    pub fn runtime(self, runtime: Handle) -> Self {
        Self {
            runtime: Some(runtime),
            ..self
        }
    }

    /// Checks configuration and keyring, reads where the store stands, and
    /// starts the background tasks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a configuration out of range,
    /// [`ErrorKind::Keyring`] where the keyring is missing or is not the one
    /// with which the store was written, [`ErrorKind::NoRuntime`] outside a
    /// runtime or where that has no timer, and what the store says where it
    /// does not answer.
    pub async fn build(self) -> Result<KeyManager, Error> {
        self.config.check()?;
        let keyring = self
            .keyring
            .ok_or_else(|| Error::new(ErrorKind::Keyring, "a manager needs a keyring"))?;
        let runtime = self
            .runtime
            .map_or_else(Handle::try_current, Ok)
            .map_err(|error| {
                Error::with_source(
                    ErrorKind::NoRuntime,
                    "a manager needs a tokio runtime",
                    error,
                )
            })?;
        let (clock, timeout) = (self.clock, self.config.store_timeout);
        check_timer(&runtime, &*clock)?;
        let keyring = check_roots(&runtime, &clock, timeout, &*self.store, keyring).await?;

        let sent = clock.now();
        let head = within(&runtime, &clock, timeout, self.store.head()).await?;
        let services = within(&runtime, &clock, timeout, self.store.load_services()).await?;
        let shared = Arc::new(Shared::new(
            self.store,
            keyring,
            self.config,
            clock,
            runtime.clone(),
            (sent, services),
        ));
        let (follower, polls) = mpsc::channel(REQUESTS);
        let (flusher, flushes) = mpsc::channel(REQUESTS);
        runtime.spawn(follow::run(Arc::clone(&shared), head, polls));
        runtime.spawn(flush::run(Arc::clone(&shared), flushes));
        let warm_up = warm_up::start(&shared);
        let tasks = Tasks {
            follower,
            flusher,
            warm_up,
        };
        Ok(KeyManager::new(shared, tasks))
    }
}

/// Finds a runtime without a timer before anything waits there: tokio panics
/// where one is asked for.
fn check_timer(runtime: &Handle, clock: &dyn Clock) -> Result<(), Error> {
    let _entered = runtime.enter();
    catch_unwind(AssertUnwindSafe(|| drop(clock.sleep(Duration::ZERO)))).map_err(|_| {
        let message = "the manager's runtime has no timer: build it with `enable_time`";
        Error::new(ErrorKind::NoRuntime, message)
    })
}

/// Finds a wrong keyring before anything is written with it. Returns it knowing
/// which roots are retired.
async fn check_roots(
    runtime: &Handle,
    clock: &Arc<dyn Clock>,
    timeout: Duration,
    store: &dyn Store,
    keyring: Keyring,
) -> Result<Keyring, Error> {
    let mut known = within(runtime, clock, timeout, store.roots()).await?;
    compare(&keyring, &known)?;
    // The current root alone: nothing is written with one that only verifies,
    // and other nodes may not have it yet.
    let current = keyring.current();
    if known.iter().all(|root| root.name != current.name) {
        let check = RootCheck {
            name: current.name.clone(),
            check: current.check(),
            retired: false,
        };
        // Compared again: another process may have been first.
        known = within(runtime, clock, timeout, store.remember_roots(vec![check])).await?;
        compare(&keyring, &known)?;
    }
    let retired = known.into_iter().filter(|root| root.retired);
    Ok(keyring.with_retired_roots(retired.map(|root| root.name)))
}

fn compare(keyring: &Keyring, known: &[RootCheck]) -> Result<(), Error> {
    known
        .iter()
        .try_for_each(|remembered| compare_root(keyring, remembered))
        .map_err(|message| Error::new(ErrorKind::Keyring, message))
}

fn compare_root(keyring: &Keyring, remembered: &RootCheck) -> Result<(), String> {
    let name = &remembered.name;
    match keyring.root(name) {
        // Nothing that counts was made under it.
        None if remembered.retired => Ok(()),
        None => Err(format!(
            "the keyring lacks root {name}, which this store was written with"
        )),
        Some(root) if root.check() != remembered.check && remembered.retired => Err(format!(
            "the keyring has a new root {name}, the name of one that is retired: names are not used again"
        )),
        Some(root) if root.check() != remembered.check => Err(format!(
            "the keyring's root {name} is not the one this store was written with"
        )),
        Some(_) if remembered.retired && name == keyring.current_name() => Err(format!(
            "the keyring's current root {name} is retired: make another one current"
        )),
        Some(_) => Ok(()),
    }
}
