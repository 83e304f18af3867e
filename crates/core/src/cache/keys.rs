use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::cache::{Entry, Stamp};
use crate::clock::Moment;
use crate::key::KeyId;

/// Keys by id, and ids known to name none.
///
/// moka owns capacity, eviction and the time after which memory is freed; what
/// still counts is decided by the gate. Its hasher is keyed at random: ids are
/// chosen by strangers. Absent ids have a cache of their own, so that no
/// stranger pushes a key out.
#[derive(Debug)]
pub(crate) struct KeyCache {
    present: Cache<KeyId, Arc<Entry>>,
    absent: Cache<KeyId, Absent>,
}

/// What the cache holds of an id.
#[derive(Debug, Clone)]
pub(crate) enum Cached {
    Present(Arc<Entry>),
    Absent(Absent),
}

/// That an id named no key, and when that was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Absent {
    pub(crate) stamp: Stamp,
    pub(crate) read_at: Moment,
}

/// The most ids that are remembered as absent.
const ABSENT_CAPACITY: u64 = 10_000;

impl KeyCache {
    /// Holds up to `capacity` keys for `ttl` after they were read, and absent
    /// ids for `negative_ttl`.
    pub(crate) fn new(capacity: u64, ttl: Duration, negative_ttl: Duration) -> Self {
        Self {
            present: Cache::builder()
                .max_capacity(capacity)
                .time_to_live(ttl)
                .build(),
            absent: Cache::builder()
                .max_capacity(ABSENT_CAPACITY)
                .time_to_live(negative_ttl)
                .build(),
        }
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<Cached> {
        if let Some(entry) = self.present.get(&id) {
            return Some(Cached::Present(entry));
        }
        self.absent.get(&id).map(Cached::Absent)
    }

    pub(crate) fn keep(&self, id: KeyId, cached: &Cached) {
        match cached {
            Cached::Present(entry) => {
                self.present.insert(id, Arc::clone(entry));
                self.absent.invalidate(&id);
            }
            Cached::Absent(absent) => {
                self.absent.insert(id, *absent);
                self.present.invalidate(&id);
            }
        }
    }

    pub(crate) fn clear(&self) {
        self.present.invalidate_all();
        self.absent.invalidate_all();
    }

    /// Whether the key is held. Does not count as a use of it.
    pub(crate) fn holds(&self, id: KeyId) -> bool {
        self.present.contains_key(&id)
    }

    /// How many keys are held, roughly.
    pub(crate) fn len(&self) -> u64 {
        self.present.entry_count()
    }

    /// How many ids are remembered as absent, roughly.
    pub(crate) fn absences(&self) -> u64 {
        self.absent.entry_count()
    }
}

impl Cached {
    pub(crate) fn stamp(&self) -> Stamp {
        match self {
            Self::Present(entry) => entry.stamp(),
            Self::Absent(absent) => absent.stamp,
        }
    }

    /// When the store was asked.
    pub(crate) fn read_at(&self) -> Moment {
        match self {
            Self::Present(entry) => entry.read_at(),
            Self::Absent(absent) => absent.read_at,
        }
    }
}
