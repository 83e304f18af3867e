use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use interleaved_core::audit::Anchor;
use interleaved_core::clock::Timestamp;
use interleaved_core::key::KeyId;
use interleaved_core::keyring::RootName;
use interleaved_core::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, EventsRequest, Head, KeyStore, Loaded,
    LoadedServices, Lookup, MemoryStore, Page, PageRequest, Redigest, RootCheck, RootUse,
    StoreError, StoreErrorKind, StoredEvent, UsageStore,
};
use interleaved_core::usage::{KeyUsage, UsageBatch};

use crate::world::{choose, step};

/// The store of one node: whatever it is asked takes a step to reach it, and
/// one for its answer to come back.
#[derive(Debug, Clone)]
pub(crate) struct StepStore {
    memory: MemoryStore,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The store is cut off from this node.
    away: AtomicBool,
    /// Of counters, some batches get lost on their way, and some answers on
    /// theirs.
    forgetful: AtomicBool,
    commits_asked: AtomicU64,
    commits_left: AtomicU64,
}

impl StepStore {
    pub(crate) fn new(memory: &MemoryStore) -> Self {
        Self {
            memory: memory.clone(),
            state: Arc::default(),
        }
    }

    pub(crate) fn cut_off(&self) {
        self.state.away.store(true, SeqCst);
    }

    pub(crate) fn lose_answers(&self) {
        self.state.forgetful.store(true, SeqCst);
    }

    pub(crate) fn keep_answers(&self) {
        self.state.forgetful.store(false, SeqCst);
    }

    /// How many commits were asked for, but for those that nobody waits for
    /// any more.
    pub(crate) fn commits(&self) -> u64 {
        self.state.commits_asked.load(SeqCst) - self.state.commits_left.load(SeqCst)
    }

    fn reached(&self) -> Result<(), StoreError> {
        if self.state.away.load(SeqCst) {
            return Err(unavailable("cut off"));
        }
        Ok(())
    }

    /// A step there, what it does there, and a step back.
    async fn ask<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        step().await;
        self.reached()?;
        let answer = answer.await;
        step().await;
        self.reached()?;
        answer
    }

    async fn add(&self, batch: UsageBatch) -> Result<(), StoreError> {
        let forgetful = self.state.forgetful.load(SeqCst);
        if forgetful && choose(3) == 0 {
            return Err(unavailable("not added"));
        }
        self.ask(self.memory.add_usage(&batch)).await?;
        if forgetful && choose(3) == 0 {
            return Err(unavailable("added, but the answer is lost"));
        }
        Ok(())
    }
}

fn unavailable(message: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, message)
}

/// Tells of a commit whose future was dropped before it was done.
struct Waited<'a> {
    state: &'a State,
    done: bool,
}

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.state.commits_left.fetch_add(1, SeqCst);
        }
    }
}

/// Methods that do nothing but ask.
macro_rules! asked {
    ($($name:ident($($argument:ident: $type:ty)?) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type)?) -> BoxFuture<'_, Result<$answer, StoreError>> {
            Box::pin(self.ask(self.memory.$name($($argument)?)))
        })*
    };
}

impl KeyStore for StepStore {
    asked! {
        load(lookup: Lookup) -> Loaded;
        load_services() -> LoadedServices;
        head() -> Head;
        changes(since: Head) -> Changes;
        page(request: PageRequest) -> Page;
        remember_roots(checks: Vec<RootCheck>) -> Vec<RootCheck>;
        redigest(batch: Vec<Redigest>) -> u64;
    }

    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move {
            self.state.commits_asked.fetch_add(1, SeqCst);
            let mut waited = Waited {
                state: &self.state,
                done: false,
            };
            let committed = self.ask(self.memory.commit(change)).await;
            waited.done = true;
            committed
        })
    }

    /// The same all the time, so that nothing is learned from a step.
    fn roots(&self) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        self.memory.roots()
    }

    fn root_use(
        &self,
        name: RootName,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>> {
        Box::pin(self.ask(self.memory.root_use(name, now)))
    }
}

impl UsageStore for StepStore {
    asked! {
        usage(keys: Vec<KeyId>) -> Vec<KeyUsage>;
        most_used(limit: u32) -> Vec<KeyId>;
    }

    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.add(batch.clone()))
    }
}

impl AuditLog for StepStore {
    asked! {
        events(request: EventsRequest) -> Vec<StoredEvent>;
        anchors() -> Vec<Anchor>;
        audit_head() -> AuditHead;
    }
}
