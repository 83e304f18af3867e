use subtle::ConstantTimeEq;

use crate::clock::Timestamp;
use crate::keyring::{PreparedMac, Root, RootName};
use crate::store::AuditHead;

/// A signed place of the audit chain: what comes after it is verified from
/// here, where what came before was pruned, or was signed under a root that is
/// retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The place: the event's sequence and the chain's value after it.
    pub place: AuditHead,
    /// When the anchor was made.
    pub at: Timestamp,
    /// The root whose audit key signed it.
    pub root: RootName,
    /// HMAC-SHA-256 over the place and the time.
    pub signature: [u8; 32],
}

impl Anchor {
    pub(crate) fn new(place: AuditHead, at: Timestamp, root: &Root) -> Self {
        Self {
            place,
            at,
            root: root.name.clone(),
            signature: sign(place, at, root.audit()),
        }
    }

    /// Whether `root` signed it as it is.
    pub(crate) fn is_signed_by(&self, root: &Root) -> bool {
        let signature = sign(self.place, self.at, root.audit());
        root.name == self.root && bool::from(signature.ct_eq(&self.signature))
    }
}

fn sign(place: AuditHead, at: Timestamp, mut mac: PreparedMac) -> [u8; 32] {
    use hmac::Mac as _;

    // No event of the chain is signed over these bytes: a sequence comes first
    // there, and none gets that far.
    mac.update(&u64::MAX.to_be_bytes());
    mac.update(b"anchor");
    mac.update(&place.sequence.to_be_bytes());
    mac.update(&place.mac);
    mac.update(&at.as_millis().to_be_bytes());
    mac.finalize().into_bytes().into()
}
