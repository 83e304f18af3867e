use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::cache::{
    Cached, Entry, Freshness, Gate, KeyCache, Loads, Overloaded, Rereads, ServiceCache,
    ServiceTable, Stamp, Witness,
};
use crate::clock::{Clock, Moment};
use crate::key::KeyId;
use crate::keyring::Keyring;
use crate::manager::ManagerConfig;
use crate::manager::stats::Counters;
use crate::store::{Head, LoadedServices, Lookup, Store, StoreError, StoreErrorKind};
use crate::usage::UsageTable;
use crate::verdict::UnavailableCause;

/// Reads of the store that run at the same time.
const LOADS_RUNNING: usize = 64;
/// Reads that wait behind them; one more is refused.
const LOADS_WAITING: usize = 1_024;

/// What the handles of a manager and its tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) keyring: Keyring,
    pub(super) config: ManagerConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: Handle,
    pub(super) gate: Gate,
    pub(super) freshness: Freshness,
    pub(super) witness: Witness,
    pub(super) keys: KeyCache,
    pub(super) services: ServiceCache,
    pub(super) rereads: Rereads,
    pub(super) usage: UsageTable,
    pub(super) counters: Counters,
    key_loads: Loads<KeyId, Result<Cached, UnavailableCause>>,
    service_loads: Loads<(), Result<Arc<ServiceTable>, UnavailableCause>>,
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
            services: ServiceCache::new(ServiceTable::new(stamp, services.services)),
            rereads: Rereads::new(config.poll_interval),
            freshness: Freshness::new(sent),
            witness: Witness::default(),
            usage: UsageTable::new(),
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
        within(&*self.clock, self.config.store_timeout, answer).await
    }

    /// Reads a key, or joins the read that is under way. The result may be
    /// older than a change that this node knows of: it has to pass the gate.
    pub(super) async fn load_key(self: &Arc<Self>, id: KeyId) -> Result<Cached, UnavailableCause> {
        let shared = Arc::clone(self);
        let read = move || async move { shared.read_key(id).await };
        let joined = self
            .key_loads
            .join(&self.runtime, id, read)
            .map_err(|Overloaded| {
                Counters::add(&self.counters.overloads);
                UnavailableCause::Overloaded
            })?;
        joined.await.unwrap_or(Err(UnavailableCause::Store))
    }

    /// Has a key read in the background, without waiting.
    pub(super) fn refresh_key(self: &Arc<Self>, id: KeyId) {
        let shared = Arc::clone(self);
        Counters::add(&self.counters.refreshes);
        // A full queue means that the entry is asked for again a little later.
        let _ = self.key_loads.join(&self.runtime, id, move || async move {
            shared.read_key(id).await
        });
    }

    /// Reads all services, or joins the read that is under way.
    pub(super) async fn load_services(
        self: &Arc<Self>,
    ) -> Result<Arc<ServiceTable>, UnavailableCause> {
        let shared = Arc::clone(self);
        let read = move || async move { shared.read_services().await };
        let joined = self
            .service_loads
            .join(&self.runtime, (), read)
            .map_err(|Overloaded| UnavailableCause::Overloaded)?;
        joined.await.unwrap_or(Err(UnavailableCause::Store))
    }

    /// How many reads of keys run or wait.
    pub(super) fn loads_pending(&self) -> u64 {
        self.key_loads.len() as u64
    }

    /// Nothing read before now counts any more, and the store stands at `head`.
    pub(super) fn diverge(&self, head: Head) {
        self.gate.diverge();
        self.keys.clear();
        Counters::add(&self.counters.divergences);
        tracing::error!(
            revision = head.revision.count(),
            "the store was restored or replaced: everything cached is dropped"
        );
    }

    async fn read_key(self: Arc<Self>, id: KeyId) -> Result<Cached, UnavailableCause> {
        Counters::add(&self.counters.loads);
        // The epoch is taken before the store is asked: what is read from a
        // store that is replaced meanwhile never counts.
        let (epoch, sent) = (self.gate.epoch(), self.clock.now());
        let loaded = self
            .within(self.store.load(Lookup::Id(id)))
            .await
            .map_err(|error| {
                Counters::add(&self.counters.load_failures);
                tracing::warn!(key = %id, %error, "reading a key failed");
                UnavailableCause::Store
            })?;
        self.witness.met(epoch, loaded.head);
        let stamp = Stamp::new(epoch, loaded.head.revision);
        let cached = match loaded.key {
            Some(key) => {
                let usage = self.usage.cell(id);
                Cached::Present(Arc::new(Entry::new(
                    key,
                    stamp,
                    sent,
                    self.config.cache_ttl,
                    usage,
                )))
            }
            None => Cached::Absent(stamp),
        };
        self.keys.keep(id, &cached);
        Ok(cached)
    }

    async fn read_services(self: Arc<Self>) -> Result<Arc<ServiceTable>, UnavailableCause> {
        let epoch = self.gate.epoch();
        let loaded = self
            .within(self.store.load_services())
            .await
            .map_err(|error| {
                Counters::add(&self.counters.load_failures);
                tracing::warn!(%error, "reading the services failed");
                UnavailableCause::Store
            })?;
        self.witness.met(epoch, loaded.head);
        let table = ServiceTable::new(Stamp::new(epoch, loaded.head.revision), loaded.services);
        let table = Arc::new(table);
        self.services.keep(&table);
        Ok(table)
    }
}

/// Waits for an answer of the store no longer than `timeout`.
pub(super) async fn within<T>(
    clock: &dyn Clock,
    timeout: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::select! {
        biased;
        answer = answer => answer,
        () = clock.sleep(timeout) => Err(StoreError::new(
            StoreErrorKind::Unavailable,
            format!("the store did not answer within {timeout:?}"),
        )),
    }
}
