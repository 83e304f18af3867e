use std::fmt;
use std::pin::Pin;

use crate::key::{Key, KeyId};
use crate::keyring::RootName;
use crate::service::Service;
use crate::store::{Change, Changes, Head, PageRequest, StoreError};
use crate::usage::{Usage, UsageBatch};

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
    /// `OutcomeUnknown` is the one error after which the change may be there.
    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>>;

    /// Lists keys in the order of [`PagePosition`](super::PagePosition). Its
    /// cost depends on the page, not on the number of keys.
    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Vec<Key>, StoreError>>;

    /// Remembers the check of each root that is new to the store, and returns
    /// all that it remembers.
    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>>;
}

/// Keeps the counters of use. They move no version and no revision.
pub trait UsageStore: fmt::Debug + Send + Sync + 'static {
    /// Adds a batch, unless the node's batch of this number (or a later one)
    /// was added before: a repeated batch counts once.
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The counters of these keys, in the same order; zero where there are none.
    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<Usage>, StoreError>>;
}

/// Keeps the audit trail. Events are written by [`KeyStore::commit`] alone.
pub trait AuditLog: fmt::Debug + Send + Sync + 'static {
    /// The events after sequence `after`, at most `limit`, in order.
    fn events(&self, after: u64, limit: u32)
    -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;

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
}

/// An audit event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the chain, from 1.
    pub sequence: u64,
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
