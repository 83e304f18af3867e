use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::cache::{
    Absent, Asker, Cached, Entry, Epoch, Freshness, Gate, Joined, KeyCache, Loads, Rereads,
    ServiceCache, ServiceTable, Stamp, Unread, Witness,
};
use crate::clock::{Clock, Moment};
use crate::key::KeyId;
use crate::keyring::Keyring;
use crate::manager::damage::Damage;
use crate::manager::missing_roots::MissingRoots;
use crate::manager::redigest::Redigests;
use crate::manager::refusals::Refusals;
use crate::manager::signal::Raises;
use crate::manager::stats::{Counters, Levels};
use crate::manager::{ManagerConfig, ManagerStats};
use crate::store::{
    BoxFuture, Head, Loaded, LoadedServices, Lookup, Store, StoreError, StoreErrorKind,
};
use crate::usage::UsageTable;
use crate::verdict::UnavailableCause;

/// Reads of the store that run at the same time.
const LOADS_RUNNING: usize = 64;
/// Reads that wait behind them; one more is refused. No client's address may
/// have more under way, of both, than are free.
const LOADS_WAITING: usize = 1_024;

type KeyRead = Result<Cached, UnavailableCause>;
type ServicesRead = Result<Arc<ServiceTable>, UnavailableCause>;

/// What the handles of a manager and its tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) keyring: Keyring,
    pub(super) missing_roots: MissingRoots,
    pub(super) config: ManagerConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: Handle,
    pub(super) gate: Gate,
    pub(super) raises: Raises,
    pub(super) freshness: Freshness,
    pub(super) witness: Witness,
    pub(super) keys: KeyCache,
    pub(super) services: ServiceCache,
    pub(super) rereads: Rereads,
    pub(super) usage: UsageTable,
    pub(super) redigests: Redigests,
    pub(super) refusals: Refusals,
    pub(super) damage: Damage,
    pub(super) counters: Counters,
    key_loads: Loads<KeyId, KeyRead>,
    service_loads: Loads<(), ServicesRead>,
}

impl Shared {
    /// The state at a start: the store was asked from `sent` on, and its
    /// `services` were read last.
    pub(super) fn new(
        store: Arc<dyn Store>,
        keyring: Keyring,
        config: ManagerConfig,
        clock: Arc<dyn Clock>,
        runtime: Handle,
        (sent, services): (Moment, LoadedServices),
    ) -> Self {
        let gate = Gate::new();
        let stamp = Stamp::new(gate.epoch(), services.head.revision);
        // An entry is read again past its TTL, at its next use; one that is
        // not used by then, and cannot count longer than S, frees its memory.
        let lifetime = config.cache_ttl + config.max_staleness;
        Self {
            keys: KeyCache::new(config.cache_capacity, lifetime, config.negative_ttl),
            services: ServiceCache::new(ServiceTable::new(stamp, sent, services.services)),
            rereads: Rereads::new(config.poll_interval),
            raises: Raises::default(),
            freshness: Freshness::new(sent),
            witness: Witness::default(),
            usage: UsageTable::new(),
            missing_roots: MissingRoots::default(),
            redigests: Redigests::default(),
            refusals: Refusals::default(),
            damage: Damage::default(),
            counters: Counters::default(),
            key_loads: Loads::new(LOADS_RUNNING, LOADS_WAITING),
            service_loads: Loads::new(1, 0),
            gate,
            store,
            keyring,
            config,
            clock,
            runtime,
        }
    }

    /// Waits for the store no longer than the configuration says.
    pub(super) async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let timeout = self.config.store_timeout;
        within(&self.runtime, &self.clock, timeout, answer).await
    }

    /// Ends once the store has had its time to answer.
    pub(super) fn patience(&self) -> BoxFuture<'static, ()> {
        sleep(&self.runtime, &self.clock, self.config.store_timeout)
    }

    /// Ends once half of that time is over.
    pub(super) fn half_patience(&self) -> BoxFuture<'static, ()> {
        sleep(&self.runtime, &self.clock, self.config.store_timeout / 2)
    }

    /// A key as the store has it now, and the epoch in which it was asked.
    pub(super) async fn ask_key(&self, id: KeyId) -> Result<(Epoch, Loaded), StoreError> {
        // The epoch is taken before the store is asked: what is read from a
        // store that is replaced meanwhile never counts.
        let epoch = self.gate.epoch();
        let loaded = self.within(self.store.load(Lookup::Id(id))).await?;
        self.witness.met(epoch, loaded.head);
        Ok((epoch, loaded))
    }

    /// Reads a key on behalf of `asker`, or joins the read that is under way.
    /// The result may be older than a change that this node knows of: it has to
    /// pass the gate. What was joined may be replaced by the read of somebody
    /// else, which is [`UnavailableCause::Contended`]: it is worth asking again.
    pub(super) async fn load_key(self: &Arc<Self>, id: KeyId, asker: Asker) -> KeyRead {
        let read = Arc::clone(self).read_key(id);
        let joined = self
            .join_key(id, asker, read)
            .map_err(|unread| self.unread(unread))?;
        if joined.coalesced {
            Counters::add(&self.counters.coalesced_misses);
        }
        joined
            .await
            .unwrap_or_else(|unread| Err(self.unread(unread)))
    }

    /// Has a key read in the background, without waiting.
    pub(super) fn refresh_key(self: &Arc<Self>, id: KeyId) {
        Counters::add(&self.counters.refreshes);
        let shared = Arc::clone(self);
        let read = async move {
            let read = Arc::clone(&shared).read_key(id).await;
            if read.is_err() {
                Counters::add(&shared.counters.refresh_failures);
            }
            read
        };
        // A full queue means that the entry is asked for again a little later.
        if self.join_key(id, Asker::Background, read).is_err() {
            Counters::add(&self.counters.refresh_failures);
        }
    }

    /// Reads a key that nobody asks for; nothing where it is read already, or
    /// where too many are.
    pub(super) async fn read_ahead(self: &Arc<Self>, id: KeyId) -> Option<KeyRead> {
        let read = Arc::clone(self).read_key(id);
        let joined = self.join_key(id, Asker::Background, read).ok()?;
        if joined.coalesced {
            return None;
        }
        joined.await.ok()
    }

    fn join_key<R>(
        self: &Arc<Self>,
        id: KeyId,
        asker: Asker,
        read: R,
    ) -> Result<Joined<impl Future<Output = Result<KeyRead, Unread>> + Send + use<R>>, Unread>
    where
        R: Future<Output = KeyRead> + Send + 'static,
    {
        let shared = Arc::clone(self);
        // Made where it is waited for: on the manager's own runtime.
        let patience = async move { shared.patience().await };
        self.key_loads
            .join(&self.runtime, asker, id, read, patience)
    }

    /// Reads all services, or joins the read that is under way.
    pub(super) async fn load_services(self: &Arc<Self>) -> ServicesRead {
        let (read, shared) = (Arc::clone(self).read_services(), Arc::clone(self));
        let patience = async move { shared.patience().await };
        // There is one such read, and it has its own place.
        let joined = self
            .service_loads
            .join(&self.runtime, Asker::Background, (), read, patience);
        let joined = joined.map_err(|unread| self.unread(unread))?;
        joined
            .await
            .unwrap_or_else(|unread| Err(self.unread(unread)))
    }

    fn unread(&self, unread: Unread) -> UnavailableCause {
        match unread {
            Unread::Overloaded => {
                Counters::add(&self.counters.overloads);
                UnavailableCause::Overloaded
            }
            Unread::Share => {
                Counters::add(&self.counters.address_overloads);
                UnavailableCause::Overloaded
            }
            Unread::Ended => UnavailableCause::Store,
            Unread::Replaced => UnavailableCause::Contended,
        }
    }

    /// Whether nobody waits for a read of a key to begin.
    pub(super) fn is_quiet(&self) -> bool {
        self.key_loads.waiting() == 0
    }

    pub(super) fn stats(&self) -> ManagerStats {
        self.counters.stats(Levels {
            digests_waiting: self.redigests.len() as u64,
            cached_keys: self.keys.len(),
            negative_entries: self.keys.absences(),
            loads_running: self.key_loads.running() as u64,
            loads_waiting: self.key_loads.waiting() as u64,
            warming: u64::from(self.counters.warming.load(Relaxed)),
            missing_roots: self.missing_roots.names().len() as u64,
            store_fault: self.store.fault(),
        })
    }

    /// The store stands at `head` of another life than the one known.
    pub(super) fn diverge(self: &Arc<Self>, head: Head) {
        self.begin_epoch();
        Counters::add(&self.counters.divergences);
        tracing::error!(
            revision = head.revision.count(),
            "the store was restored or replaced: everything cached is dropped"
        );
    }

    /// Nothing read before now counts any more.
    pub(super) fn begin_epoch(self: &Arc<Self>) {
        self.gate.diverge();
        self.keys.clear();
        self.renew_services();
        self.raises.tell();
    }

    async fn read_key(self: Arc<Self>, id: KeyId) -> KeyRead {
        Counters::add(&self.counters.loads);
        let read_at = self.clock.now();
        let (epoch, loaded) = self.ask_key(id).await.map_err(|error| {
            Counters::add(&self.counters.load_failures);
            // The follower says once that the store is away; here it would be
            // said for every request.
            tracing::debug!(key = %id, %error, "reading a key failed");
            self.tell_damage(format_args!("key {id}"), &error);
            UnavailableCause::Store
        })?;
        let stamp = Stamp::new(epoch, loaded.head.revision);
        let cached = match loaded.key {
            Some(key) => {
                let ttl = self.config.cache_ttl;
                let entry = Entry::new(key, stamp, read_at, ttl, &self.usage);
                Cached::Present(Arc::new(entry))
            }
            None => Cached::Absent(Absent { stamp, read_at }),
        };
        self.keys.keep(id, &cached);
        Ok(cached)
    }

    async fn read_services(self: Arc<Self>) -> ServicesRead {
        let read_at = self.clock.now();
        let epoch = self.gate.epoch();
        let loaded = self
            .within(self.store.load_services())
            .await
            .map_err(|error| {
                Counters::add(&self.counters.load_failures);
                tracing::debug!(%error, "reading the services failed");
                self.tell_damage("services", &error);
                UnavailableCause::Store
            })?;
        self.witness.met(epoch, loaded.head);
        let stamp = Stamp::new(epoch, loaded.head.revision);
        let table = Arc::new(ServiceTable::new(stamp, read_at, loaded.services));
        self.services.keep(&table);
        Ok(table)
    }
}

/// Waits for an answer of the store no longer than `timeout`.
pub(super) async fn within<T>(
    runtime: &Handle,
    clock: &Arc<dyn Clock>,
    timeout: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::select! {
        biased;
        answer = unpanicked(answer) => answer,
        () = sleep(runtime, clock, timeout) => Err(StoreError::new(
            StoreErrorKind::Unavailable,
            format!("the store did not answer within {timeout:?}, or the manager's runtime has ended"),
        )),
    }
}

/// The answer of a store that may be a user's own: one that panics has failed,
/// and takes no background task with it.
async fn unpanicked<T>(
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        // A future that panicked is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            let kind = StoreErrorKind::Unavailable;
            Poll::Ready(Err(StoreError::new(kind, "the store panicked")))
        })
    })
    .await
}

/// Ends once `duration` has passed on the manager's runtime, or at once where
/// that has ended. The caller may be on another one, which may have no timer, or
/// on none: the timer is then a task of the manager's.
fn sleep(runtime: &Handle, clock: &Arc<dyn Clock>, duration: Duration) -> BoxFuture<'static, ()> {
    if Handle::try_current().is_ok_and(|current| current.id() == runtime.id()) {
        return clock.sleep(duration);
    }
    let clock = Arc::clone(clock);
    let slept = runtime.spawn(async move { clock.sleep(duration).await });
    let ended_with_this = Timer(slept.abort_handle());
    Box::pin(async move {
        let _ended_with_this = ended_with_this;
        // It has ended or cannot run: in either case nobody waits any longer.
        let _ = slept.await;
    })
}

/// A task that only waits for a time to pass, and for nothing any more once
/// nobody waits for it.
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
