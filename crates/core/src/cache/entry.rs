use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cache::Stamp;
use crate::clock::Moment;
use crate::key::{Key, Secret};
use crate::keyring::{Keyring, Root};
use crate::token::ParsedToken;
use crate::usage::UsageCell;

/// One cached key with all that a request needs of it.
pub(crate) struct Entry {
    key: Key,
    stamp: Stamp,
    read_at: Moment,
    /// Monotonic nanoseconds from which on it is to be read again.
    refresh_at: AtomicU64,
    usage: Arc<UsageCell>,
    shortcut: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What the comparison of a token with a key's secrets found.
pub(crate) enum SecretMatch<'a> {
    /// This secret is the token's.
    Found(&'a Secret),
    /// None is.
    None,
    /// None that could be compared is; some were made under roots unknown here.
    UnknownRoot,
}

impl Entry {
    pub(crate) fn new(
        key: Key,
        stamp: Stamp,
        read_at: Moment,
        ttl: Duration,
        usage: Arc<UsageCell>,
    ) -> Self {
        let refresh_at = AtomicU64::new(later(read_at, ttl));
        Self {
            key,
            stamp,
            read_at,
            refresh_at,
            usage,
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

    pub(crate) fn usage(&self) -> &UsageCell {
        &self.usage
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

    /// Compares the token with **every** secret, in constant time and without
    /// an early exit.
    pub(crate) fn find_secret(&self, token: &ParsedToken, keyring: &Keyring) -> SecretMatch<'_> {
        let mut found = SecretMatch::None;
        let mut made: Option<(&Root, crate::key::Digest)> = None;
        for secret in &self.key.secrets {
            let digest = match made {
                Some((root, digest)) if root.name == secret.root => digest,
                _ => match keyring.root(&secret.root) {
                    Some(root) => made.insert((root, root.digest(token))).1,
                    None => {
                        if matches!(found, SecretMatch::None) {
                            found = SecretMatch::UnknownRoot;
                        }
                        continue;
                    }
                },
            };
            if digest == secret.digest {
                found = SecretMatch::Found(secret);
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
