use std::collections::HashMap;
use std::sync::Arc;

use portcullis_core::key::KeyId;

use crate::engine::RateState;

/// Entries that are looked at for expiry whenever one comes: more than one, so
/// that the idle go faster than others come.
const SWEPT: usize = 4;
/// Entries among which one is chosen to go where all are busy: bounded, so
/// that a full table stays quick.
const COMPARED: usize = 64;

/// One part of the table: found by key, and walked in a circle.
pub(super) struct Shard {
    places: HashMap<KeyId, usize>,
    slots: Vec<Slot>,
    hand: usize,
    capacity: usize,
}

struct Slot {
    key: KeyId,
    state: Arc<RateState>,
}

/// What a look for a key's state found.
pub(super) enum Found {
    Known(Arc<RateState>),
    New {
        state: Arc<RateState>,
        removed: usize,
        evicted: usize,
    },
}

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            places: HashMap::new(),
            slots: Vec::new(),
            hand: 0,
            capacity,
        }
    }

    pub(super) fn find(&mut self, key: KeyId, now: u64) -> Found {
        if let Some(slot) = self.places.get(&key).and_then(|at| self.slots.get(*at)) {
            return Found::Known(Arc::clone(&slot.state));
        }
        let removed = self.sweep(now);
        let evicted = if self.slots.len() >= self.capacity {
            self.evict()
        } else {
            0
        };
        let state = Arc::<RateState>::default();
        self.places.insert(key, self.slots.len());
        self.slots.push(Slot {
            key,
            state: Arc::clone(&state),
        });
        Found::New {
            state,
            removed,
            evicted,
        }
    }

    /// Removes those of the next few entries that a new state equals and that
    /// nobody else holds. Says how many.
    fn sweep(&mut self, now: u64) -> usize {
        let mut removed = 0;
        for _ in 0..SWEPT.min(self.slots.len()) {
            match self.slots.get(self.hand) {
                Some(slot) if slot.is_free() && slot.state.is_idle(now) => {
                    self.remove(self.hand);
                    removed += 1;
                }
                Some(_) => self.hand += 1,
                None => self.hand = 0,
            }
        }
        removed
    }

    /// Removes, of the next entries, the one that recovers first, of those
    /// that nobody else holds before all others. Says how many: one, or none
    /// where there is nothing.
    fn evict(&mut self) -> usize {
        let count = self.slots.len();
        let nearest = (0..COMPARED.min(count))
            .map(|step| (self.hand + step) % count)
            .filter_map(|at| self.slots.get(at).map(|slot| (slot, at)))
            .min_by_key(|(slot, _)| (!slot.is_free(), slot.state.arrival()))
            .map(|(_, at)| at);
        self.hand = self.hand.saturating_add(COMPARED) % count.max(1);
        nearest.map_or(0, |at| {
            self.remove(at);
            1
        })
    }

    fn remove(&mut self, at: usize) {
        if at >= self.slots.len() {
            return;
        }
        let gone = self.slots.swap_remove(at);
        self.places.remove(&gone.key);
        if let Some(moved) = self.slots.get(at) {
            self.places.insert(moved.key, at);
        }
    }
}

impl Slot {
    /// Whether nobody but the table holds the state. Who does not hold it can
    /// come to it only through the table, whose lock is held meanwhile.
    fn is_free(&self) -> bool {
        Arc::strong_count(&self.state) == 1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portcullis_core::clock::{Moment, Timestamp};
    use portcullis_core::key::KeyId;

    use super::{COMPARED, Found, Shard};
    use crate::engine::{RateState, check};

    const NOW: u64 = 3_600_000_000_000;

    /// A request of the key at a rate that keeps it busy; says whether its
    /// state was new.
    fn used(shard: &mut Shard, key: KeyId, rate: &str) -> (Arc<RateState>, bool) {
        let (state, new) = match shard.find(key, NOW) {
            Found::Known(state) => (state, false),
            Found::New { state, .. } => (state, true),
        };
        let moment = Moment::new(NOW, Timestamp::from_millis(0));
        let rate = rate.parse().expect("a rate");
        assert_eq!(check(&state, rate, moment).is_ok(), new);
        (state, new)
    }

    #[test]
    fn where_all_are_busy_one_that_nobody_holds_goes_first() {
        let mut shard = Shard::new(2);
        let (held, free) = (KeyId::random(), KeyId::random());
        let kept = used(&mut shard, held, "1/m").0;
        used(&mut shard, free, "1/1d");
        used(&mut shard, KeyId::random(), "1/h");
        let (found, new) = used(&mut shard, held, "1/m");
        assert!(!new && Arc::ptr_eq(&found, &kept), "the nearest, but held");
        assert!(used(&mut shard, free, "1/1d").1, "it went");
    }

    #[test]
    fn all_parts_of_a_full_shard_are_compared_in_turn() {
        let count = 4 * COMPARED;
        let mut shard = Shard::new(count);
        let keys: Vec<KeyId> = (0..count).map(|_| KeyId::random()).collect();
        for key in &keys {
            used(&mut shard, *key, "1/h");
        }
        for _ in 0..8 {
            used(&mut shard, KeyId::random(), "1/1d");
        }
        let gone = |part: &[KeyId]| {
            part.iter()
                .filter(|key| !shard.places.contains_key(key))
                .count()
        };
        let gone: Vec<usize> = keys.chunks(COMPARED).map(gone).collect();
        assert_eq!(gone.iter().sum::<usize>(), 8);
        assert!(gone.iter().all(|gone| *gone > 0), "{gone:?}");
    }
}
