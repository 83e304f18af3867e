use std::fmt;
use std::pin::Pin;

use crate::audit::Anchor;
use crate::clock::Timestamp;
use crate::key::{Digest, Key, KeyId};
use crate::keyring::RootName;
use crate::service::{Service, ServiceName};
use crate::store::{Change, Changes, Head, Page, PageRequest, StoreError, StoreFault};
use crate::usage::{KeyUsage, UsageBatch};

/// A future on the heap, so that the traits can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything that the manager needs of a store.
pub trait Store: KeyStore + UsageStore + AuditLog {}

impl<T: KeyStore + UsageStore + AuditLog> Store for T {}

/// Keeps services and keys.
pub trait KeyStore: fmt::Debug + Send + Sync + 'static {
    /// Reads one key, and the head of the same snapshot. A key that does
    /// not exist is no error.
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>>;

    /// Reads all services, and the head of the same snapshot.
    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>>;

    /// Where the store stands now.
    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>>;

    /// What has changed since `since`. A store whose file was replaced opens
    /// the new one before it answers.
    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>>;

    /// Commits a change with its event, and returns the head that it made.
    ///
    /// One that is sealed under a retired root is `Retired`: its node has
    /// missed that root's end. `OutcomeUnknown` is the one error after which
    /// the change may be there.
    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>>;

    /// Lists keys, in an order of the store's own that does not change while
    /// keys come and change: by creation where the filter asks for nothing
    /// else. Where it asks for a status, a use or an expiry, the order may be by
    /// those; a key that is used or whose expiry or state changes meanwhile may
    /// then be met again, or not. It looks at a bounded number of records: a page
    /// may be short, or empty, and say where to go on. For which filters the cost
    /// should not depend on the number of keys stands at
    /// [`KeyManager::list_keys`](crate::KeyManager::list_keys). A position that
    /// this store did not write for this filter is `Invalid`.
    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// Remembers the check of each root that is new to the store, and returns
    /// all that it remembers.
    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>>;

    /// All that [`KeyStore::remember_roots`] remembers. It is asked for with
    /// every poll: a store that can should read it without whatever changes need
    /// (a lock, a disk that may be written), as by default it may not.
    fn roots(&self) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        self.remember_roots(Vec::new())
    }

    /// What stands under a root at `now`.
    fn root_use(
        &self,
        name: RootName,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>>;

    /// Replaces digests by those of the same secrets under another root, each
    /// where the stored digest is still `old` and the other root is not
    /// retired, and returns how many were.
    /// Moves no version and no revision, and is no event: what is presented,
    /// and what that is worth, stays the same.
    ///
    /// A batch that holds a record which cannot be read is `Corrupt` as a whole,
    /// and moves nothing: it is sent again in parts.
    fn redigest(&self, batch: Vec<Redigest>) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Why the store takes no changes now, as the last attempt at one has shown;
    /// nothing where it takes them. What was refused because of what stands (a
    /// conflict, the quota) is no fault, and neither is somebody else's lock. A
    /// fault is over with the next change that is made, at the latest.
    ///
    /// Answers at once, without asking what keeps the changes. A store that
    /// cannot tell says nothing, as by default: there errors alone tell of it.
    fn fault(&self) -> Option<StoreFault> {
        None
    }
}

/// Keeps the counters of use. They move no version and no revision.
pub trait UsageStore: fmt::Debug + Send + Sync + 'static {
    /// Adds a batch, unless the node's batch of this number (or a later one)
    /// was added before: a repeated batch counts once.
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The counters of these keys, in the same order; zero where there are none.
    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>>;

    /// Up to `limit` keys that were used most among those that were used last:
    /// what a node that starts reads ahead. A hint, never a promise.
    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>>;
}

/// Keeps the audit trail. Events are written by [`KeyStore::commit`] alone.
pub trait AuditLog: fmt::Debug + Send + Sync + 'static {
    /// Events in order. Its cost depends on what is returned, not on how many
    /// there are.
    fn events(&self, request: EventsRequest)
    -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;

    /// The signed places of the chain, by sequence.
    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>>;

    /// The end of the chain, as the head row has it.
    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>>;
}

/// How a key is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// By its id.
    Id(KeyId),
}

/// A key as it was in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Where the store stood in the snapshot that was read.
    pub head: Head,
    /// The key, if there is one.
    pub key: Option<Key>,
}

/// All services as they were in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedServices {
    /// Where the store stood in the snapshot that was read.
    pub head: Head,
    /// Every service, by name.
    pub services: Vec<Service>,
}

/// What the store knows of a root: enough to find a wrong keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCheck {
    /// The root's name.
    pub name: RootName,
    /// An HMAC of a constant under the root.
    pub check: [u8; 32],
    /// Whether the root is retired: no keyring needs it any more, and nothing
    /// new is made under it. Ignored in what is to be remembered.
    pub retired: bool,
}

/// What stands under a root: secrets that have not ended, of keys that are not
/// revoked. What does not stand can never be accepted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RootUse {
    /// Secrets whose digest was made under the root.
    pub digests: u64,
    /// Secrets whose token bears the root's tag.
    pub tokens: u64,
}

/// One secret's digest under another root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redigest {
    /// The key.
    pub key: KeyId,
    /// The secret's number.
    pub secret: u32,
    /// The digest that is replaced.
    pub old: Digest,
    /// The digest under `root`.
    pub new: Digest,
    /// The root.
    pub root: RootName,
}

/// Which audit events to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventsRequest {
    /// Those after this sequence.
    pub after: u64,
    /// The most events to return.
    pub limit: u32,
    /// Those of this service alone.
    pub service: Option<ServiceName>,
    /// Those of this key alone.
    pub key: Option<KeyId>,
}

/// An audit event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// When, as the store has it beside the bytes.
    pub at: Timestamp,
    /// The service by which the store finds it.
    pub service: Option<ServiceName>,
    /// The key by which the store finds it.
    pub key: Option<KeyId>,
    /// The root whose audit key signed it.
    pub root: RootName,
    /// The event's bytes.
    pub bytes: Vec<u8>,
    /// The chain's value after it.
    pub mac: [u8; 32],
}

/// The end of the audit chain; zero and zeros while it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// The sequence of the last event.
    pub sequence: u64,
    /// The chain's value after it.
    pub mac: [u8; 32],
}
