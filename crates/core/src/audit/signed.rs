use crate::audit::AuditEvent;
use crate::error::Invalid;
use crate::keyring::RootName;
use crate::store::StoredEvent;

/// An event of the trail, with what the chain says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEvent {
    /// The event.
    pub event: AuditEvent,
    /// The root whose audit key signed it.
    pub root: RootName,
    /// The chain's value after it.
    pub mac: [u8; 32],
}

impl SignedEvent {
    pub(crate) fn read(stored: StoredEvent) -> Result<Self, Invalid> {
        Ok(Self {
            event: AuditEvent::decode(stored.sequence, &stored.bytes)?,
            root: stored.root,
            mac: stored.mac,
        })
    }
}
