use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::watch;

use crate::audit::Anchor;
use crate::clock::Timestamp;
use crate::key::KeyId;
use crate::keyring::RootName;
use crate::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, EventsRequest, Head, KeyStore, Loaded,
    LoadedServices, Lookup, Page, PageRequest, Redigest, RootCheck, RootUse, Store, StoreError,
    StoreErrorKind, StoreFault, StoredEvent, UsageStore,
};
use crate::usage::{KeyUsage, UsageBatch};

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
    page: watch::Sender<u32>,
    services_lost: watch::Sender<bool>,
    unwritable: watch::Sender<Option<StoreFault>>,
    damaged: watch::Sender<Option<KeyId>>,
    unreadable: watch::Sender<Option<KeyId>>,
    after_heads: watch::Sender<Option<Meanwhile>>,
    after_anchors: watch::Sender<Option<Meanwhile>>,
    calls: Arc<Calls>,
}

/// What happens between two calls.
#[derive(Clone)]
struct Meanwhile(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile(..)")
    }
}

#[derive(Debug, Default)]
struct Calls {
    all: AtomicU64,
    loads: AtomicU64,
    loading: AtomicU64,
    most_loading: AtomicU64,
    usage_writes: AtomicU64,
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
            page: watch::Sender::new(u32::MAX),
            services_lost: watch::Sender::new(false),
            unwritable: watch::Sender::new(None),
            damaged: watch::Sender::new(None),
            unreadable: watch::Sender::new(None),
            after_heads: watch::Sender::new(None),
            after_anchors: watch::Sender::new(None),
            calls: Arc::default(),
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

    /// From now on, a page holds at most so many keys, as that of a store which
    /// looks at few records for each.
    pub fn shorten_pages(&self, keys: u32) {
        self.page.send_replace(keys);
    }

    /// From now on, no service is found, as in a database that somebody edited.
    pub fn lose_services(&self) {
        self.services_lost.send_replace(true);
    }

    /// From now on, whatever would change something fails for this reason, and
    /// reads go on; with nothing, changes are made again.
    pub fn take_no_changes(&self, fault: Option<StoreFault>) {
        self.unwritable.send_replace(fault);
    }

    /// From now on, the digests of this key cannot be moved, as those of a record
    /// that is damaged.
    pub fn damage(&self, key: KeyId) {
        self.damaged.send_replace(Some(key));
    }

    /// From now on, this key cannot be read, as one whose record is damaged; with
    /// nothing, every key can.
    pub fn damage_reads(&self, key: Option<KeyId>) {
        self.unreadable.send_replace(key);
    }

    /// From now on, this is done whenever the end of the audit chain was read,
    /// before the answer comes.
    pub fn after_audit_heads(
        &self,
        meanwhile: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        let meanwhile = Meanwhile(Arc::new(meanwhile));
        self.after_heads.send_replace(Some(meanwhile));
    }

    /// The same whenever the anchors of the audit trail were read.
    pub fn after_anchors(
        &self,
        meanwhile: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        let meanwhile = Meanwhile(Arc::new(meanwhile));
        self.after_anchors.send_replace(Some(meanwhile));
    }

    /// Waits until so many calls in all have been held.
    pub async fn wait_held(&self, count: u64) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.held.subscribe().wait_for(|held| *held >= count).await;
    }

    /// How many calls have reached the store, polls among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.all.load(SeqCst)
    }

    /// How many of them read a key.
    #[must_use]
    pub fn loads(&self) -> u64 {
        self.calls.loads.load(SeqCst)
    }

    /// The most reads of keys that were under way at the same time.
    #[must_use]
    pub fn most_loads_at_once(&self) -> u64 {
        self.calls.most_loading.load(SeqCst)
    }

    /// How many calls wrote usage.
    #[must_use]
    pub fn usage_writes(&self) -> u64 {
        self.calls.usage_writes.load(SeqCst)
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.calls.all.fetch_add(1, SeqCst);
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

    async fn pass_change<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let unwritable = *self.unwritable.borrow();
        let call = async {
            match unwritable {
                Some(fault) => Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    format!("the store takes no changes on purpose: {fault}"),
                )),
                None => call.await,
            }
        };
        self.pass(call).await
    }

    async fn hold(&self, calls: Held) {
        let mut holding = self.holding.subscribe();
        if *holding.borrow_and_update() == calls {
            self.held.send_modify(|held| *held += 1);
            let _ = holding.wait_for(|holding| *holding != calls).await;
        }
    }
}

impl Calls {
    fn begin_load(&self) -> Loading<'_> {
        self.loads.fetch_add(1, SeqCst);
        let loading = self.loading.fetch_add(1, SeqCst) + 1;
        self.most_loading.fetch_max(loading, SeqCst);
        Loading(self)
    }
}

/// A read of a key that is under way, also where it is given up.
struct Loading<'a>(&'a Calls);

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.0.loading.fetch_sub(1, SeqCst);
    }
}

impl KeyStore for FaultStore {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        Box::pin(async move {
            let _loading = self.calls.begin_load();
            let Lookup::Id(id) = lookup;
            if *self.unreadable.borrow() == Some(id) {
                let message = "the record is damaged on purpose";
                return Err(StoreError::new(StoreErrorKind::Corrupt, message));
            }
            let loaded = self.pass(self.inner.load(lookup)).await;
            self.hold(Held::Loads).await;
            loaded
        })
    }

    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>> {
        Box::pin(async move {
            let mut loaded = self.pass(self.inner.load_services()).await?;
            if *self.services_lost.borrow() {
                loaded.services.clear();
            }
            Ok(loaded)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(self.pass(self.inner.head()))
    }

    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(self.pass(self.inner.changes(since)))
    }

    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move {
            let committed = self.pass_change(self.inner.commit(change)).await;
            self.hold(Held::Commits).await;
            committed
        })
    }

    fn page(&self, mut request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        request.limit = request.limit.min(*self.page.borrow());
        Box::pin(self.pass(self.inner.page(request)))
    }

    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        Box::pin(self.pass_change(self.inner.remember_roots(checks)))
    }

    fn roots(&self) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        Box::pin(self.pass(self.inner.roots()))
    }

    fn root_use(
        &self,
        name: RootName,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>> {
        Box::pin(self.pass(self.inner.root_use(name, now)))
    }

    fn redigest(&self, batch: Vec<Redigest>) -> BoxFuture<'_, Result<u64, StoreError>> {
        let damaged = *self.damaged.borrow();
        if damaged.is_some_and(|key| batch.iter().any(|one| one.key == key)) {
            let message = "a record is damaged on purpose";
            let damaged = StoreError::new(StoreErrorKind::Corrupt, message);
            return Box::pin(async { Err(damaged) });
        }
        Box::pin(self.pass_change(self.inner.redigest(batch)))
    }

    fn fault(&self) -> Option<StoreFault> {
        self.unwritable.borrow().or_else(|| self.inner.fault())
    }
}

impl UsageStore for FaultStore {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let batch = batch.clone();
        self.calls.usage_writes.fetch_add(1, SeqCst);
        Box::pin(async move { self.pass_change(self.inner.add_usage(&batch)).await })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>> {
        Box::pin(self.pass(self.inner.usage(keys)))
    }

    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        Box::pin(self.pass(self.inner.most_used(limit)))
    }
}

impl AuditLog for FaultStore {
    fn events(
        &self,
        request: EventsRequest,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(self.pass(self.inner.events(request)))
    }

    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>> {
        Box::pin(async move {
            let anchors = self.pass(self.inner.anchors()).await;
            happen(&self.after_anchors).await;
            anchors
        })
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        Box::pin(async move {
            let head = self.pass(self.inner.audit_head()).await;
            happen(&self.after_heads).await;
            head
        })
    }
}

async fn happen(meanwhile: &watch::Sender<Option<Meanwhile>>) {
    let meanwhile = meanwhile.borrow().clone();
    if let Some(Meanwhile(meanwhile)) = meanwhile {
        meanwhile().await;
    }
}
