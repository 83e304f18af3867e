use std::fmt;

use hmac::Mac;
use subtle::ConstantTimeEq;

use crate::keyring::{Keyring, Root, RootName};
use crate::store::{AuditHead, StoredEvent};

/// Signs audit events as the store appends them.
///
/// The manager hands it out with each change: only the store knows, under its
/// lock, which event comes before.
#[derive(Clone)]
pub struct AuditSeal {
    root: RootName,
    mac: crate::keyring::PreparedMac,
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

/// What a walk over the whole chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// How many events were found whole, from the first on.
    pub verified: u64,
    /// The first fault, in words; nothing where the chain is whole.
    pub fault: Option<String>,
}

impl AuditReport {
    /// Whether every event up to the stored head is as it was written. Events
    /// that were cut off together with the head are not missed: compare the
    /// head with one that was kept elsewhere.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

/// A walk over the chain, event by event.
pub(crate) struct ChainCheck<'a> {
    keyring: &'a Keyring,
    sequence: u64,
    mac: [u8; 32],
}

impl<'a> ChainCheck<'a> {
    pub(crate) fn new(keyring: &'a Keyring) -> Self {
        Self {
            keyring,
            sequence: 0,
            mac: [0; 32],
        }
    }

    /// The sequence of the last event found whole.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Checks the next event against all before it.
    pub(crate) fn check(&mut self, event: &StoredEvent) -> Result<(), String> {
        let expected = self.sequence.saturating_add(1);
        if event.sequence != expected {
            return Err(format!(
                "event {expected} is missing: event {} follows",
                event.sequence
            ));
        }
        let root = self.keyring.root(&event.root).ok_or_else(|| {
            format!(
                "event {expected} was signed under root {}, which the keyring lacks",
                event.root
            )
        })?;
        let mac = AuditSeal::of(root).seal(expected, &self.mac, &event.bytes);
        if !bool::from(mac.ct_eq(&event.mac)) {
            return Err(format!("event {expected} is not as it was written"));
        }
        (self.sequence, self.mac) = (expected, mac);
        Ok(())
    }

    /// Compares the end of the walk with the stored head.
    pub(crate) fn finish(&self, head: &AuditHead) -> Result<(), String> {
        if head.sequence != self.sequence {
            return Err(format!(
                "the chain ends at event {}: the head says {}",
                self.sequence, head.sequence
            ));
        }
        if bool::from(head.mac.ct_eq(&self.mac)) {
            Ok(())
        } else {
            Err(format!("the head is not that of event {}", self.sequence))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditSeal, ChainCheck};
    use crate::keyring::Keyring;
    use crate::store::{AuditHead, StoredEvent};

    fn chain(keyring: &Keyring, length: u64) -> Vec<StoredEvent> {
        let seal = AuditSeal::of(keyring.current());
        let mut previous = [0; 32];
        (1..=length)
            .map(|sequence| {
                let bytes = format!("event {sequence}").into_bytes();
                previous = seal.seal(sequence, &previous, &bytes);
                StoredEvent {
                    sequence,
                    root: seal.root().clone(),
                    bytes,
                    mac: previous,
                }
            })
            .collect()
    }

    fn verify(keyring: &Keyring, events: &[StoredEvent], head: AuditHead) -> Result<(), String> {
        let mut check = ChainCheck::new(keyring);
        events.iter().try_for_each(|event| check.check(event))?;
        check.finish(&head)
    }

    #[test]
    fn whatever_is_done_to_a_chain_is_found() {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let whole = chain(&keyring, 5);
        let head = AuditHead {
            sequence: 5,
            mac: whole[4].mac,
        };
        assert_eq!(verify(&keyring, &whole, head), Ok(()));

        let mut altered = whole.clone();
        altered[2].bytes[0] ^= 1;
        assert!(
            verify(&keyring, &altered, head).is_err(),
            "an altered event"
        );
        let mut removed = whole.clone();
        removed.remove(2);
        assert!(verify(&keyring, &removed, head).is_err(), "a missing event");
        let mut renumbered = removed.clone();
        renumbered
            .iter_mut()
            .zip(1..)
            .for_each(|(event, sequence)| event.sequence = sequence);
        assert!(verify(&keyring, &renumbered, head).is_err(), "a closed gap");
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert!(verify(&keyring, &swapped, head).is_err(), "swapped events");
        assert!(verify(&keyring, &whole[..4], head).is_err(), "a cut end");
        let foreign = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        assert!(verify(&foreign, &whole, head).is_err(), "another keyring");
        let unknown = Keyring::generate("k2".parse().expect("name")).expect("entropy");
        assert!(
            verify(&unknown, &whole, head)
                .expect_err("unknown root")
                .contains("k1")
        );
    }
}
