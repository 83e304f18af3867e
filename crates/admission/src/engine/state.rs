use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};

/// How far apart the readings of requests that are decided at the same time
/// may lie: a request is read before its look-up, and decided after it.
const SKEW: u64 = Duration::from_secs(10).as_nanos() as u64;

/// What one subject has used: the theoretical arrival time (TAT) of its next
/// request, in nanoseconds since the clock's epoch. Zero is never used.
///
/// The rate is no part of it: where a rate changes, what was used stays used.
#[derive(Debug, Default)]
pub(crate) struct RateState {
    tat: AtomicU64,
}

impl RateState {
    /// Whether a new state would decide exactly as this one, from `now`
    /// (nanoseconds since the clock's epoch) on.
    pub(crate) fn is_idle(&self, now: u64) -> bool {
        self.arrival().saturating_add(SKEW) <= now
    }

    /// The theoretical arrival time, in nanoseconds since the clock's epoch.
    pub(crate) fn arrival(&self) -> u64 {
        self.tat.load(Ordering::Relaxed)
    }

    /// The state as one check sees it. `ceiling` is the greatest TAT that the
    /// check's own rate could have made at its own reading.
    pub(super) fn checked_under(&self, ceiling: u64) -> Checked<'_> {
        Checked {
            tat: &self.tat,
            ceiling,
            after: Cell::new(0),
        }
    }
}

/// A state during one check.
pub(super) struct Checked<'a> {
    tat: &'a AtomicU64,
    ceiling: u64,
    after: Cell<u64>,
}

impl Checked<'_> {
    /// The TAT that the decision left.
    pub(super) fn after(&self) -> u64 {
        self.after.get()
    }

    /// The TAT that counts where `stored` is found.
    ///
    /// One far beyond the ceiling comes from a slower rate that was replaced:
    /// it counts as a spent burst, or else a key whose rate was raised from
    /// one a day to many would wait out its day.
    fn counted(&self, stored: u64) -> u64 {
        if stored > self.ceiling.saturating_add(SKEW) {
            self.ceiling
        } else {
            stored
        }
    }

    fn replace(&self, stored: u64, next: u64) -> Result<u64, u64> {
        self.tat
            .compare_exchange_weak(stored, next, Ordering::AcqRel, Ordering::Acquire)
    }
}

impl StateStore for Checked<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut stored = self.tat.load(Ordering::Acquire);
        loop {
            let counted = self.counted(stored);
            let (answer, next) = match decide((counted != 0).then(|| counted.into())) {
                Ok((answer, next)) => (Ok(answer), next.as_u64()),
                Err(refusal) => (Err(refusal), counted),
            };
            if next == stored || self.replace(stored, next).is_ok() {
                self.after.set(next);
                return answer;
            }
            stored = self.tat.load(Ordering::Acquire);
        }
    }
}
