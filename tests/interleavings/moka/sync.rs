//! The cache.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Mutex, MutexGuard, PoisonError};

/// A cache.
pub struct Cache<K, V> {
    entries: Mutex<HashMap<K, V>>,
}

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, V> {
    /// Begins to build a cache.
    #[must_use]
    pub fn builder() -> CacheBuilder<K, V> {
        CacheBuilder(PhantomData)
    }

    /// What is held of `key`, if it was not evicted just before.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries();
        if entries.contains_key(key) && thread_rng().gen_ratio(1, 8) {
            entries.remove(key);
        }
        entries.get(key).cloned()
    }

    /// Whether `key` is held.
    pub fn contains_key(&self, key: &K) -> bool {
        self.entries().contains_key(key)
    }

    /// Holds `value` from now on.
    pub fn insert(&self, key: K, value: V) {
        self.entries().insert(key, value);
    }

    /// Forgets `key`, or not.
    pub fn invalidate(&self, key: &K) {
        if forgets() {
            self.entries().remove(key);
        }
    }

    /// Forgets everything, or nothing.
    pub fn invalidate_all(&self) {
        if forgets() {
            self.entries().clear();
        }
    }

    /// How many entries are held.
    pub fn entry_count(&self) -> u64 {
        self.entries().len() as u64
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// Builds a cache.
#[derive(Debug)]
pub struct CacheBuilder<K, V>(PhantomData<(K, V)>);

impl<K: Copy + Eq + Hash, V: Clone> CacheBuilder<K, V> {
    /// How much is held, in moka.
    #[must_use]
    pub fn max_capacity(self, _capacity: u64) -> Self {
        self
    }

    /// How long it is held, in moka.
    #[must_use]
    pub fn time_to_live(self, _ttl: Duration) -> Self {
        self
    }

    /// The cache.
    #[must_use]
    pub fn build(self) -> Cache<K, V> {
        Cache {
            entries: Mutex::default(),
        }
    }
}

fn forgets() -> bool {
    thread_rng().gen_bool(0.5)
}
