use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_core::key::KeyId;

use super::shard::{Found, Shard};
use crate::engine::RateState;

/// Entries a shard below which a table is not divided further.
const SHARD_ENTRIES: usize = 1_024;
const MOST_SHARDS: usize = 64;

/// The states of all keys that were used lately, bounded.
pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
    entries: AtomicUsize,
    evictions: AtomicU64,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        let shards = (capacity / SHARD_ENTRIES).clamp(1, MOST_SHARDS);
        let share = capacity.div_ceil(shards);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new(share))).collect(),
            entries: AtomicUsize::new(0),
            evictions: AtomicU64::new(0),
        }
    }

    /// The state of `key`, a new one where none is remembered at `now`
    /// (nanoseconds since the clock's epoch).
    pub(super) fn state(&self, key: KeyId, now: u64) -> Arc<RateState> {
        let Some(shard) = self.shards.get(self.shard_of(key)) else {
            // Cannot happen: the number is a remainder by their count.
            return Arc::default();
        };
        // A shard that a panic left is whole: no step of its own can panic.
        let found = shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .find(key, now);
        match found {
            Found::Known(state) => state,
            Found::New {
                state,
                removed,
                evicted,
            } => {
                self.count(removed + evicted, evicted);
                state
            }
        }
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// Version 4 ids are random in their last bytes; others are merely spread
    /// less evenly.
    fn shard_of(&self, key: KeyId) -> usize {
        let [.., high, low] = *key.as_bytes();
        usize::from(u16::from_be_bytes([high, low])) % self.shards.len().max(1)
    }

    /// Counts one entry that came, and those that went for it. Rare enough
    /// for the recorder to be looked up.
    fn count(&self, gone: usize, evicted: usize) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_sub(gone, Ordering::Relaxed);
        metrics::gauge!("portcullis_limiter_entries").set(entries_as_f64(self.entries()));
        if evicted > 0 {
            let evicted = u64::try_from(evicted).unwrap_or(u64::MAX);
            self.evictions.fetch_add(evicted, Ordering::Relaxed);
            metrics::counter!("portcullis_limiter_evictions_total").increment(evicted);
        }
    }
}

/// Exact: a table holds at most 100,000,000 entries.
fn entries_as_f64(entries: usize) -> f64 {
    f64::from(u32::try_from(entries).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use portcullis_core::clock::{Moment, Timestamp};
    use portcullis_core::key::KeyId;
    use portcullis_core::limits::Rate;

    use super::Table;
    use crate::engine::{RateState, check};

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3_600 * SECOND;

    fn take(state: &Arc<RateState>, rate: &str, now: u64) -> bool {
        let rate: Rate = rate.parse().expect("a rate");
        check(state, rate, Moment::new(now, Timestamp::from_millis(0))).is_ok()
    }

    #[test]
    fn one_key_has_one_state() {
        let table = Table::new(10);
        let (key, other) = (KeyId::random(), KeyId::random());
        let state = table.state(key, HOUR);
        assert!(Arc::ptr_eq(&state, &table.state(key, HOUR)));
        assert!(!Arc::ptr_eq(&state, &table.state(other, HOUR)));
        assert_eq!(table.entries(), 2);
    }

    #[test]
    fn only_what_a_new_state_equals_expires() {
        let table = Table::new(1_000);
        let (busy, held) = (KeyId::random(), KeyId::random());
        assert!(take(&table.state(busy, HOUR), "1/h", HOUR));
        let kept = table.state(held, HOUR);
        for _ in 0..100 {
            assert!(take(&table.state(KeyId::random(), HOUR), "1/s", HOUR));
        }
        // A minute later all but the busy one have recovered, and those that
        // come push the others out, a few at a time.
        let later = HOUR + 60 * SECOND;
        for _ in 0..200 {
            table.state(KeyId::random(), later);
        }
        assert!(
            !take(&table.state(busy, later), "1/h", later),
            "a busy state was forgotten"
        );
        assert!(
            Arc::ptr_eq(&kept, &table.state(held, later)),
            "a held state was forgotten"
        );
        assert_eq!(table.evictions(), 0);
        let much_later = later + HOUR;
        drop(kept);
        for _ in 0..200 {
            take(&table.state(KeyId::random(), much_later), "1/s", much_later);
        }
        assert_eq!(table.entries(), 200, "what is idle goes while others come");
    }

    #[test]
    fn a_full_table_forgets_the_one_nearest_its_recovery() {
        let table = Table::new(3);
        let keys: Vec<KeyId> = (0..3).map(|_| KeyId::random()).collect();
        for (key, rate) in keys.iter().zip(["1/h", "1/m", "1/1d"]) {
            assert!(take(&table.state(*key, HOUR), rate, HOUR));
        }
        assert!(take(&table.state(KeyId::random(), HOUR), "1/2h", HOUR));
        assert_eq!((table.entries(), table.evictions()), (3, 1));
        assert!(!take(&table.state(keys[0], HOUR), "1/h", HOUR));
        assert!(!take(&table.state(keys[2], HOUR), "1/1d", HOUR));
        assert!(
            take(&table.state(keys[1], HOUR), "1/m", HOUR),
            "the one that was forgotten"
        );
    }

    #[test]
    fn no_number_of_keys_makes_the_table_grow_beyond_its_capacity() {
        let table = Table::new(5_000);
        for _ in 0..20_000 {
            assert!(take(&table.state(KeyId::random(), HOUR), "1/1d", HOUR));
        }
        assert!(table.entries() <= 5_000 + table.shards.len());
        assert!(table.entries() >= 4_900, "one shard has them all");
        assert_eq!(
            table.evictions(),
            20_000 - u64::try_from(table.entries()).expect("small")
        );
    }

    #[test]
    fn what_is_remembered_and_forgotten_is_told_to_the_metrics() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let told = recorder.handle();
        with_local_recorder(&recorder, || {
            let table = Table::new(3);
            for _ in 0..3 {
                take(&table.state(KeyId::random(), HOUR), "1/h", HOUR);
            }
            let told = told.render();
            assert!(told.contains("portcullis_limiter_entries 3"), "{told}");
            assert!(!told.contains("evictions"), "{told}");
            take(&table.state(KeyId::random(), HOUR), "1/h", HOUR);
        });
        let told = told.render();
        assert!(told.contains("portcullis_limiter_entries 3"), "{told}");
        assert!(
            told.contains("portcullis_limiter_evictions_total 1"),
            "{told}"
        );
    }
}
