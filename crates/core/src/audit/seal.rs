use std::fmt;

use hmac::Mac;

use crate::keyring::{PreparedMac, Root, RootName};

/// Signs audit events as the store appends them.
///
/// The manager hands it out with each change: only the store knows, under its
/// lock, which event comes before.
#[derive(Clone)]
pub struct AuditSeal {
    root: RootName,
    mac: PreparedMac,
}

impl AuditSeal {
    pub(crate) fn of(root: &Root) -> Self {
        Self {
            root: root.name.clone(),
            mac: root.audit(),
        }
    }

    /// The root whose key signs: stored beside the event.
    #[must_use]
    pub fn root(&self) -> &RootName {
        &self.root
    }

    /// The chain's value after an event: HMAC-SHA-256 over its sequence, the
    /// value before it (32 zeros for the first) and its bytes.
    #[must_use]
    pub fn seal(&self, sequence: u64, previous: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(&sequence.to_be_bytes());
        mac.update(previous);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for AuditSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditSeal({})", self.root)
    }
}
