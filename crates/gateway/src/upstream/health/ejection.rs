use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Health;
use crate::upstream::config::EjectionConfig;

/// Leaves addresses out at which requests fail.
#[derive(Debug)]
pub(in crate::upstream) struct Ejector {
    config: EjectionConfig,
    /// Two that are ejected at once are counted one after the other.
    turn: Mutex<()>,
}

/// How much a failure says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Severity {
    /// It does not work.
    Whole,
    /// It does not work, or what was asked for takes long.
    Half,
}

impl Ejector {
    pub(in crate::upstream) const fn new(config: EjectionConfig) -> Self {
        Self {
            config,
            turn: Mutex::new(()),
        }
    }

    /// A request was answered. Says whether that ends an ejection.
    pub(in crate::upstream) fn answered(&self, health: &Health, now: Instant) -> bool {
        health.forgive();
        health.is_ejected() && {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            health.lift(now)
        }
    }

    /// A request failed, on trial or not, at one of these addresses. Says for how long it is left
    /// out, if it is because of that.
    pub(in crate::upstream) fn failed<'a>(
        &self,
        health: &Health,
        severity: Severity,
        on_trial: bool,
        all: impl Iterator<Item = &'a Health>,
        now: Instant,
    ) -> Option<Duration> {
        let halves = match severity {
            Severity::Whole => 2,
            Severity::Half => 1,
        };
        let strikes = health.strike(halves) as usize;
        if !on_trial && strikes < self.config.failures.saturating_mul(2) {
            return None;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ejected = health.is_ejected();
        if is_ejected != on_trial {
            // It got the request as a last resort, or is ejected since it got it.
            return None;
        }
        let (mut ejected, mut count) = (0, 0);
        for other in all {
            count += 1;
            ejected += usize::from(other.is_ejected());
        }
        if !is_ejected && ejected >= self.config.share.part_of(count) {
            return None;
        }
        let duration = |before| self.config.duration(before);
        Some(health.eject(now, self.config.longest, duration))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::upstream::health::Usable;
    use crate::upstream::metrics::Meters;

    const SECOND: Duration = Duration::from_secs(1);

    fn healths(count: usize) -> Vec<Health> {
        let meters = Arc::new(Meters::new("orders"));
        (0..count).map(|_| Health::new(&meters)).collect()
    }

    fn fail(ejector: &Ejector, all: &[Health], at: usize, now: Instant) -> Option<Duration> {
        let on_trial = all[at].usable(now) == Usable::OnTrial;
        ejector.failed(&all[at], Severity::Whole, on_trial, all.iter(), now)
    }

    #[test]
    fn failures_in_a_row_leave_an_address_out_for_longer_each_time() {
        let ejector = Ejector::new(EjectionConfig::default());
        let all = healths(2);
        let mut now = Instant::now();
        for _ in 0..4 {
            assert_eq!(fail(&ejector, &all, 0, now), None);
        }
        // One that is answered begins the count anew, and half a failure is half of one.
        assert!(!ejector.answered(&all[0], now));
        for _ in 0..9 {
            let half = ejector.failed(&all[0], Severity::Half, false, all.iter(), now);
            assert_eq!(half, None);
        }
        assert_eq!(fail(&ejector, &all, 0, now), Some(SECOND * 5));
        assert_eq!(all[0].usable(now), Usable::No);
        for seconds in [5, 10, 20] {
            now += SECOND * seconds - Duration::from_millis(1);
            assert_eq!(all[0].usable(now), Usable::No);
            now += Duration::from_millis(1);
            assert_eq!(all[0].usable(now), Usable::OnTrial);
            // One at a time.
            assert!(all[0].begin_trial() && !all[0].begin_trial());
            assert_eq!(all[0].usable(now), Usable::No);
            all[0].end_trial();
            assert_eq!(fail(&ejector, &all, 0, now), Some(SECOND * seconds * 2));
        }
        now += SECOND * 40;
        assert!(ejector.answered(&all[0], now));
        assert_eq!(all[0].usable(now), Usable::Yes);
        // What did well for as long as the longest begins anew.
        now += EjectionConfig::default().longest;
        let ejected = (0..5).find_map(|_| fail(&ejector, &all, 0, now));
        assert_eq!(ejected, Some(SECOND * 5));
    }

    #[test]
    fn one_address_alone_is_never_left_out() {
        let ejector = Ejector::new(EjectionConfig::default());
        let all = healths(1);
        let now = Instant::now();
        assert!((0..100).all(|_| fail(&ejector, &all, 0, now).is_none()));
        assert_eq!(all[0].usable(now), Usable::Yes);
    }

    proptest! {
        /// Whatever happens, no more than the share are left out, and who is out did badly.
        #[test]
        fn no_more_than_the_share_are_left_out(
            count in 1..12_usize, share in 0..=100_u8, failures in 1..4_usize,
            steps in prop::collection::vec((0..12_usize, 0..4_u8), 1..200),
        ) {
            let share = format!("{share}%").parse().unwrap();
            let config = EjectionConfig { failures, share, ..EjectionConfig::default() };
            let ejector = Ejector::new(config);
            let all = healths(count);
            let mut in_a_row = vec![0_usize; count];
            let mut now = Instant::now();
            for (at, step) in steps {
                let at = at % count;
                match step {
                    0 => {
                        ejector.answered(&all[at], now);
                        in_a_row[at] = 0;
                    }
                    1 => now += SECOND * 3,
                    _ => {
                        in_a_row[at] += 1;
                        fail(&ejector, &all, at, now);
                    }
                }
                let out = all.iter().filter(|health| health.is_ejected()).count();
                prop_assert!(out <= share.part_of(count), "{out} of {count}");
                for (health, in_a_row) in all.iter().zip(&in_a_row) {
                    prop_assert!(!health.is_ejected() || *in_a_row >= failures);
                }
            }
        }
    }
}
