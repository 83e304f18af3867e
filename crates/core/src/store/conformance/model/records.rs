use std::time::Duration;

use super::super::broken::Fault;
use super::super::draw::Draw;
use super::super::samples::{at, full_key, retired, secret};
use crate::clock::Timestamp;
use crate::key::{Digest, Key, KeyId, KeyState, Secret};
use crate::keyring::RootName;
use crate::limits::Rate;
use crate::service::{Service, ServiceName};
use crate::usage::{AddressClass, Refusals, Usage};

/// Names of services: few, so that most operations meet one that is there.
const SERVICES: [&str; 12] = [
    "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
];

/// Names of roots, the one that seals not among them, and how many of the first ones secrets stand under.
const ROOTS: [&str; 6] = ["k2", "k3", "old", "spare", "spare-2", "spare-3"];
const ROOTS_OF_SECRETS: usize = 3;

impl Draw {
    pub(super) fn any_service(&mut self) -> ServiceName {
        ServiceName::from_static(self.word(&SERVICES))
    }

    pub(super) fn any_root(&mut self) -> Result<RootName, Fault> {
        Ok(self.word(&ROOTS).parse()?)
    }

    pub(super) fn root_of_secret(&mut self) -> Result<RootName, Fault> {
        let roots = ROOTS.get(..ROOTS_OF_SECRETS).unwrap_or_default();
        Ok(self.word(roots).parse()?)
    }

    pub(super) fn id(&mut self) -> KeyId {
        KeyId::from_bytes(self.random.u128(..).to_be_bytes())
    }

    pub(super) fn digest(&mut self) -> Digest {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes);
        Digest::from_bytes(bytes)
    }

    pub(super) fn secret(&mut self, number: u32) -> Result<Secret, Fault> {
        Ok(Secret {
            digest: self.digest(),
            root: self.root_of_secret()?,
            issuer: self.root_of_secret()?,
            ends_at: if self.one_in(2) {
                self.maybe_time()
            } else {
                None
            },
            ..secret(number)?
        })
    }

    pub(super) fn young_key(&mut self) -> Result<Key, Fault> {
        let mut key = Key {
            id: self.id(),
            service: self.any_service(),
            ..self.key()?
        };
        if self.one_in(3) {
            key.expires_at = None;
        }
        key.secrets.clear();
        for number in 1..=1 + self.below(2) {
            key.secrets.push(self.secret(number)?);
        }
        Ok(key)
    }

    /// Another record of the key, as a change of any kind would leave it.
    pub(super) fn other_key(&mut self, key: &Key) -> Result<Key, Fault> {
        let fresh = self.key()?;
        let mut next = key.clone();
        match self.below(10) {
            0 => next.owner = fresh.owner,
            1 => next.name = fresh.name,
            2 => next.scopes = fresh.scopes,
            3 => next.expires_at = fresh.expires_at,
            4 => next.state = fresh.state,
            5 => next.state = KeyState::Active,
            6 => {
                let full = full_key()?;
                next.metadata = full.metadata;
                next.addresses = full.addresses;
                next.note = full.note;
                next.rate = full.rate;
            }
            7 => {
                next.metadata = fresh.metadata;
                next.addresses = fresh.addresses;
                next.note = fresh.note;
                next.rate = fresh.rate;
                next.prefix = "other".parse()?;
            }
            _ => self.rotate(&mut next)?,
        }
        Ok(next)
    }

    fn rotate(&mut self, key: &mut Key) -> Result<(), Fault> {
        let newest = key.secrets.iter().map(|secret| secret.number).max();
        for secret in &mut key.secrets {
            secret.ends_at = Some(self.time());
            // The store keeps its own, whatever an update says.
            if self.one_in(4) {
                secret.digest = self.digest();
                secret.root = self.root_of_secret()?;
            }
        }
        let number = newest.unwrap_or_default().saturating_add(1);
        key.secrets.push(self.secret(number)?);
        let surplus = key.secrets.len().saturating_sub(Key::MAX_SECRETS);
        let dropped = surplus.max(usize::from(self.one_in(3)));
        key.secrets.drain(..dropped.min(key.secrets.len()));
        if key.secrets.is_empty() {
            key.secrets.push(self.secret(number)?);
        }
        Ok(())
    }

    pub(super) fn other_service(&mut self, service: &Service) -> Result<Service, Fault> {
        let mut next = service.clone();
        match self.below(6) {
            0 => next.default_rate = Some(Rate::new(7, Duration::from_secs(1), 9)?),
            1 => next.default_rate = None,
            2 => next.default_lifetime = Some(Duration::from_millis(77)),
            3 => next.max_lifetime = Some(Duration::from_secs(77)),
            4 => next.prefix = Some("other".parse()?),
            _ => next.quota = 1 + self.below(60),
        }
        if self.one_in(100) {
            next = retired(next)?;
        }
        Ok(next)
    }

    pub(super) fn usage(&mut self) -> Usage {
        let granted = u64::from(self.below(3));
        let class = |n| AddressClass::ALL.get(n).copied();
        let address = class(self.random.usize(..=AddressClass::ALL.len()));
        Usage {
            granted,
            refused: Refusals {
                ended: u64::from(self.below(3)),
                foreign: u64::from(self.below(3)),
                address: u64::from(self.below(3)),
                permission: u64::from(self.below(3)),
            },
            throttled: u64::from(self.below(3)),
            last_used_at: (granted > 0).then(|| self.time()),
            last_address: address.filter(|_| granted > 0),
        }
    }

    pub(super) fn now(&mut self) -> Timestamp {
        at(self.random.i64(0..=25))
    }
}
