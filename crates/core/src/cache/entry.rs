use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cache::Stamp;
use crate::clock::Moment;
use crate::key::{Key, Secret};
use crate::keyring::{Keyring, Root};
use crate::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use crate::token::ParsedToken;
use crate::usage::{UsageCell, UsageTable};

/// One cached key with all that a request needs of it.
pub(crate) struct Entry {
    key: Key,
    stamp: Stamp,
    read_at: Moment,
    /// Monotonic nanoseconds from which on it is to be read again.
    refresh_at: AtomicU64,
    /// The secrets' counters, in the secrets' order.
    usage: Box<[Arc<UsageCell>]>,
    /// A bit for each secret whose digest is to move to the current root.
    redigested: AtomicU8,
    shortcut: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What the comparison of a token with a key's secrets found.
pub(crate) enum SecretMatch<'a> {
    /// This secret is the token's.
    Found(Found<'a>),
    /// None is.
    None,
    /// None that could be compared is; some were made under roots unknown here.
    UnknownRoot,
}

/// The secret that a token proved.
pub(crate) struct Found<'a> {
    pub(crate) secret: &'a Secret,
    pub(crate) usage: &'a UsageCell,
    /// Its place within the entry: what a grant remembers of it.
    pub(crate) place: usize,
}

impl Entry {
    pub(crate) fn new(
        key: Key,
        stamp: Stamp,
        read_at: Moment,
        ttl: Duration,
        counters: &UsageTable,
    ) -> Self {
        let cell = |secret: &Secret| counters.cell(key.id, secret.number);
        let usage = key.secrets.iter().map(cell).collect();
        let refresh_at = AtomicU64::new(later(read_at, ttl));
        Self {
            key,
            stamp,
            read_at,
            refresh_at,
            usage,
            redigested: AtomicU8::new(0),
            shortcut: OnceLock::new(),
        }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// When the store was asked for the record.
    pub(crate) fn read_at(&self) -> Moment {
        self.read_at
    }

    /// The counters of the secret in this place.
    pub(crate) fn usage(&self, place: usize) -> Option<&UsageCell> {
        self.usage.get(place).map(|cell| &**cell)
    }

    pub(crate) fn shortcut<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.shortcut
            .get_or_init(|| Box::new(make()))
            .downcast_ref()
    }

    /// Whether the caller is the one to read the record again, at most once in
    /// `pause` while the store does not answer.
    pub(crate) fn claim_refresh(&self, now: Moment, pause: Duration) -> bool {
        let due = self.refresh_at.load(Relaxed);
        now.monotonic() >= due
            && self
                .refresh_at
                .compare_exchange(due, later(now, pause), Relaxed, Relaxed)
                .is_ok()
    }

    /// Whether the caller is the first to have the digest of the secret in this
    /// place moved.
    pub(crate) fn claim_redigest(&self, place: usize) -> bool {
        // A key has no more secrets than bits; one that had would share the
        // last one, and be moved when the record is read again.
        let bit = 1 << place.min(7);
        self.redigested.load(Relaxed) & bit == 0
            && self.redigested.fetch_or(bit, Relaxed) & bit == 0
    }

    /// Compares the token with **every** secret, in constant time and without
    /// an early exit.
    pub(crate) fn find_secret(&self, token: &ParsedToken, keyring: &Keyring) -> SecretMatch<'_> {
        let mut found = SecretMatch::None;
        let mut made: Option<(&Root, crate::key::Digest)> = None;
        for (place, (secret, usage)) in self.key.secrets.iter().zip(&self.usage).enumerate() {
            let digest = match made {
                Some((root, digest)) if root.name == secret.root => digest,
                _ => match keyring.root(&secret.root) {
                    Some(root) => made.insert((root, root.digest(token))).1,
                    // Whatever was made under it is over.
                    None if keyring.is_retired_root(&secret.root) => continue,
                    None => {
                        if matches!(found, SecretMatch::None) {
                            found = SecretMatch::UnknownRoot;
                        }
                        continue;
                    }
                },
            };
            if digest == secret.digest {
                found = SecretMatch::Found(Found {
                    secret,
                    usage,
                    place,
                });
            }
        }
        found
    }
}

fn later(moment: Moment, duration: Duration) -> u64 {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    moment.monotonic().saturating_add(nanos)
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.key.id)
    }
}
