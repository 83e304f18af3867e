use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::watch;

use crate::key::{Key, KeyId};
use crate::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, Head, KeyStore, Loaded, LoadedServices,
    Lookup, PageRequest, RootCheck, Store, StoreError, StoreErrorKind, StoredEvent, UsageStore,
};
use crate::usage::{Usage, UsageBatch};

/// A store in front of another one that fails, hangs or waits when it is told
/// to: for tests of what stands before a store.
///
/// Clones share the state.
#[derive(Debug, Clone)]
pub struct FaultStore {
    inner: Arc<dyn Store>,
    fault: watch::Sender<Fault>,
    holding: watch::Sender<Held>,
    held: watch::Sender<u64>,
    calls: Arc<AtomicU64>,
}

/// What a [`FaultStore`] does to every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Passes it on.
    None,
    /// Answers with an error at once.
    Fail,
    /// Does not answer until the fault is another one.
    Hang,
    /// Passes it on after so long.
    Slow(Duration),
    /// Panics.
    Panic,
}

/// Which calls wait once they are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Loads,
    Commits,
}

impl FaultStore {
    /// Stands before `inner`, without a fault.
    pub fn new(inner: impl Store) -> Self {
        Self {
            inner: Arc::new(inner),
            fault: watch::Sender::new(Fault::None),
            holding: watch::Sender::new(Held::Nothing),
            held: watch::Sender::new(0),
            calls: Arc::new(AtomicU64::new(0)),
        }
    }

    /// From now on, every call meets this fault.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// From now on, a load that has **read** its key waits before it returns.
    pub fn hold_loads(&self) {
        self.holding.send_replace(Held::Loads);
    }

    /// From now on, a commit that is **done** waits before it says so.
    pub fn hold_commits(&self) {
        self.holding.send_replace(Held::Commits);
    }

    /// Lets every held call go, and holds none any more.
    pub fn release(&self) {
        self.holding.send_replace(Held::Nothing);
    }

    /// Waits until so many calls in all have been held.
    pub async fn wait_held(&self, count: u64) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.held.subscribe().wait_for(|held| *held >= count).await;
    }

    /// How many calls have reached the store, polls among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.calls.fetch_add(1, SeqCst);
        let mut fault = self.fault.subscribe();
        let present = *fault.borrow_and_update();
        match present {
            Fault::None => {}
            Fault::Fail => {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "the store fails on purpose",
                ));
            }
            Fault::Hang => {
                let _ = fault.wait_for(|fault| *fault != Fault::Hang).await;
            }
            Fault::Slow(duration) => tokio::time::sleep(duration).await,
            #[expect(clippy::panic, reason = "what this fault is for")]
            Fault::Panic => panic!("the store panics on purpose"),
        }
        call.await
    }

    async fn hold(&self, calls: Held) {
        let mut holding = self.holding.subscribe();
        if *holding.borrow_and_update() == calls {
            self.held.send_modify(|held| *held += 1);
            let _ = holding.wait_for(|holding| *holding != calls).await;
        }
    }
}

impl KeyStore for FaultStore {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        Box::pin(async move {
            let loaded = self.pass(self.inner.load(lookup)).await;
            self.hold(Held::Loads).await;
            loaded
        })
    }

    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>> {
        Box::pin(self.pass(self.inner.load_services()))
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(self.pass(self.inner.head()))
    }

    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(self.pass(self.inner.changes(since)))
    }

    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move {
            let committed = self.pass(self.inner.commit(change)).await;
            self.hold(Held::Commits).await;
            committed
        })
    }

    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(self.pass(self.inner.page(request)))
    }

    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        Box::pin(self.pass(self.inner.remember_roots(checks)))
    }
}

impl UsageStore for FaultStore {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let batch = batch.clone();
        Box::pin(async move { self.pass(self.inner.add_usage(&batch)).await })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<Usage>, StoreError>> {
        Box::pin(self.pass(self.inner.usage(keys)))
    }
}

impl AuditLog for FaultStore {
    fn events(
        &self,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(self.pass(self.inner.events(after, limit)))
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        Box::pin(self.pass(self.inner.audit_head()))
    }
}
