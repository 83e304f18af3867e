use std::time::Duration;

use portcullis_core::limits::Rate;

/// What a rate leaves after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    rate: Rate,
    remaining: u32,
    until_next: Duration,
    reset: Duration,
}

impl Allowance {
    /// What is left under `rate` while the state is `debt` nanoseconds ahead
    /// of the clock.
    pub(crate) fn after(rate: Rate, debt: u64) -> Self {
        let interval = u64::try_from(rate.interval().as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        let burst = u64::from(rate.burst().get());
        let room = interval.saturating_mul(burst);
        let remaining = room.saturating_sub(debt) / interval;
        let until_next = if remaining >= burst {
            0
        } else {
            interval
                .saturating_mul(remaining + 1)
                .saturating_add(debt)
                .saturating_sub(room)
        };
        Self {
            rate,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            until_next: Duration::from_nanos(until_next),
            reset: Duration::from_nanos(debt),
        }
    }

    /// The rate that was applied.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How many more requests would pass at once: 0 to the burst.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// How long until one more request than [`remaining`](Self::remaining)
    /// would pass; zero where the whole burst is there. What draft
    /// `ratelimit-headers-11` calls `t`.
    #[must_use]
    pub fn until_next(&self) -> Duration {
        self.until_next
    }

    /// How long until the whole burst is there again.
    #[must_use]
    pub fn reset(&self) -> Duration {
        self.reset
    }
}
