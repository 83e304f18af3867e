use crate::audit::{Anchor, AuditSeal};
use crate::clock::Timestamp;
use crate::key::{Key, KeyId, Revocation};
use crate::keyring::RootName;
use crate::service::{Service, ServiceName};

/// One to [`Change::MAX_STEPS`] steps, each with its audit event: committed
/// together or not at all, as one revision. Another number of them is
/// `Invalid`.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is done, in this order. A later step sees what an earlier one did.
    pub steps: Vec<Step>,
    /// Signs the events once their places in the chain are known.
    pub seal: AuditSeal,
}

impl Change {
    /// The most steps of a change.
    pub const MAX_STEPS: usize = 1_000;
}

/// One operation, and what the audit trail says of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is done.
    pub operation: Operation,
    /// The event to append.
    pub event: EventRecord,
}

/// What a step does to the records.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Operation {
    /// Nothing: the event alone is kept, for example of a change that was
    /// refused.
    Record,
    /// Adds a service; `AlreadyExists` where its name is taken.
    CreateService(Service),
    /// Replaces a service's record; `NotFound` where there is none, `Conflict`
    /// where its version is not `expected`.
    UpdateService {
        /// The whole new record, with a version above `expected`.
        service: Service,
        /// The version that it replaces.
        expected: u64,
    },
    /// Adds a key; `NotFound` where its service does not exist, `Retired`
    /// where that is retired, `QuotaReached` where as many keys of it are live
    /// at `now` as its quota allows, `AlreadyExists` where the id is taken.
    CreateKey {
        /// The new record, version 1.
        key: Key,
        /// The time at which keys count as live.
        now: Timestamp,
    },
    /// Replaces a key's record; `NotFound` where there is none, `Conflict`
    /// where its version is not `expected`, `QuotaReached` where the key
    /// [takes more room](Key::takes_more_room_than) by it at `now` and as many
    /// others of its service take room then as its quota allows: the key's
    /// place may have been given away when another clock saw it expired. A
    /// secret that is there already keeps the digest and the root that the
    /// store has: those change by
    /// [`KeyStore::redigest`](super::KeyStore::redigest) alone.
    UpdateKey {
        /// The whole new record, with a version above `expected`.
        key: Key,
        /// The version that it replaces.
        expected: u64,
        /// The time at which keys count as live.
        now: Timestamp,
    },
    /// Ends a key whose record cannot be read, as far as it can be written, and
    /// tells of it as of every change: what is cached of it counts no more.
    /// `NotFound` where no key has this id, `Conflict` where the record is
    /// whole: that is for `UpdateKey`.
    RevokeDamagedKey {
        /// The key.
        id: KeyId,
        /// Since when, and why.
        revocation: Revocation,
    },
    /// Marks a root as retired; `NotFound` where the store does not remember
    /// it, `InUse` where a secret stands under it (see
    /// [`RootUse`](super::RootUse)).
    RetireRoot {
        /// The root.
        name: RootName,
        /// The time at which secrets count as ended.
        now: Timestamp,
    },
    /// Keeps a signed place of the audit chain; `Conflict` where the event of
    /// its sequence is gone or does not carry its value.
    AnchorAudit(Anchor),
    /// Removes the audit events up to and with that of the anchor, and keeps
    /// the anchor; `Conflict` as for `AnchorAudit`.
    PruneAudit(Anchor),
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
