use crate::audit::AuditSeal;
use crate::clock::Timestamp;
use crate::key::{Key, KeyId};
use crate::service::{Service, ServiceName};

/// One change with its audit event: committed together or not at all.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is changed.
    pub operation: Operation,
    /// What the audit trail says of it.
    pub event: EventRecord,
    /// Signs the event once its place in the chain is known.
    pub seal: AuditSeal,
}

/// What a change does to the records.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Operation {
    /// Adds a service; `AlreadyExists` where its name is taken.
    CreateService(Service),
    /// Adds a key; `NotFound` where its service does not exist, `QuotaReached`
    /// where as many keys of it are live at `now` as its quota allows,
    /// `AlreadyExists` where the id is taken.
    CreateKey {
        /// The new record, version 1.
        key: Key,
        /// The time at which keys count as live.
        now: Timestamp,
    },
    /// Replaces a key's record; `NotFound` where there is none, `Conflict`
    /// where its version is not `expected`.
    UpdateKey {
        /// The whole new record, with a version above `expected`.
        key: Key,
        /// The version that it replaces.
        expected: u64,
    },
}

/// An audit event as it is stored: its bytes, and what is needed to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// When.
    pub at: Timestamp,
    /// The service concerned.
    pub service: Option<ServiceName>,
    /// The key concerned.
    pub key: Option<KeyId>,
    /// The event, encoded by the core. The chain is computed over these bytes.
    pub bytes: Vec<u8>,
}
