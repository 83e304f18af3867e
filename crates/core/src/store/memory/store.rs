use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::Anchor;
use crate::clock::Timestamp;
use crate::key::KeyId;
use crate::keyring::RootName;
use crate::store::memory::state::State;
use crate::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, EventsRequest, Head, KeyStore, Loaded,
    LoadedServices, Lookup, Page, PageRequest, Redigest, RootCheck, RootUse, StoreError,
    StoredEvent, UsageStore,
};
use crate::usage::{KeyUsage, UsageBatch};

/// A store in memory. Clones share what it holds; nothing outlives the last.
///
/// It keeps every promise of a [`Store`](super::super::Store) but one: an
/// acknowledged change does not survive the end of the process.
#[derive(Clone)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl MemoryStore {
    /// An empty store, with a history of its own.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State::new())))
    }

    /// A copy of everything that the store holds now, with a life of its own.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Puts what `backup` holds in the place of everything here, as an
    /// operator does who restores a database.
    #[cfg(feature = "testing")]
    pub fn restore(&self, backup: &Self) {
        let state = backup.state().clone();
        *self.state() = state;
    }

    /// A panic while the lock was held could only have come from running out
    /// of memory, which ends the process: what is behind a poisoned lock is
    /// whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("head", &self.state().head())
            .finish()
    }
}

impl KeyStore for MemoryStore {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        let Lookup::Id(id) = lookup;
        Box::pin(async move { Ok(self.state().load(id)) })
    }

    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>> {
        Box::pin(async move { Ok(self.state().load_services()) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move { Ok(self.state().head()) })
    }

    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(async move { Ok(self.state().changes(since)) })
    }

    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move { self.state().commit(change) })
    }

    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(async move { self.state().page(&request) })
    }

    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        Box::pin(async move { Ok(self.state().roots.remember(checks)) })
    }

    fn root_use(
        &self,
        name: RootName,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>> {
        Box::pin(async move { Ok(self.state().root_use(&name, now)) })
    }

    fn redigest(&self, batch: Vec<Redigest>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { Ok(self.state().redigest(batch)) })
    }
}

impl UsageStore for MemoryStore {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let batch = batch.clone();
        Box::pin(async move {
            self.state().add_usage(&batch);
            Ok(())
        })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>> {
        Box::pin(async move { Ok(self.state().usage(&keys)) })
    }

    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        Box::pin(async move { Ok(self.state().most_used(limit)) })
    }
}

impl AuditLog for MemoryStore {
    fn events(
        &self,
        request: EventsRequest,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(async move { Ok(self.state().trail.events(&request)) })
    }

    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>> {
        Box::pin(async move { Ok(self.state().trail.anchors()) })
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        Box::pin(async move { Ok(self.state().trail.head()) })
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::store::conformance;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn the_memory_store_conforms() {
        conformance::run(async || MemoryStore::new())
            .await
            .expect("every rule holds");
    }
}
