use std::time::Duration;

use super::Percent;
use crate::setting::{InvalidSetting, check_count, check_duration};

/// When an address gets no requests for a while because of how it did with those that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EjectionConfig {
    /// How many failures one after the other. No connection, a connection that ends before an
    /// answer, no valid answer and a status of [`RetryConfig::statuses`](super::RetryConfig) are
    /// one; no answer in time is half of one. 1 to 1,000; 5 by default.
    pub failures: usize,
    /// For how long, the first time; each time after that for twice as long. 1 ms to 1 h; 5 s by
    /// default.
    pub base: Duration,
    /// For how long at most. An address that did well for as long begins anew. `base` to 1 d; 5 min
    /// by default.
    pub longest: Duration,
    /// How many of the upstream's addresses at once. 50% by default, rounded down: none of one.
    pub share: Percent,
}

impl EjectionConfig {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        const LEAST: Duration = Duration::from_millis(1);
        check_count("ejection.failures", self.failures, 1..=1_000, "failures")?;
        check_duration("ejection.base", self.base, LEAST..=Duration::from_hours(1))?;
        let longest = self.base..=Duration::from_hours(24);
        check_duration("ejection.longest", self.longest, longest)
    }

    /// How long the next time is, after so many.
    pub(in crate::upstream) fn duration(&self, before: u32) -> Duration {
        let doubled = 1_u32.checked_shl(before).filter(|times| *times > 0);
        self.base
            .saturating_mul(doubled.unwrap_or(u32::MAX))
            .min(self.longest)
    }
}

impl Default for EjectionConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            base: Duration::from_secs(5),
            longest: Duration::from_mins(5),
            share: Percent::of(50),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_twice_as_long_up_to_the_longest() {
        let config = EjectionConfig::default();
        for (before, seconds) in [(0, 5), (1, 10), (5, 160), (6, 300), (31, 300), (40, 300)] {
            assert_eq!(config.duration(before).as_secs(), seconds, "{before}");
        }
    }
}
