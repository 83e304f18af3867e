//! Durations that differ a little, so that not everybody does the same at the same time.

use std::time::Duration;

/// A duration, a tenth more or less.
pub(super) fn varied(duration: Duration) -> Duration {
    duration.mul_f64(fastrand::f64().mul_add(0.2, 0.9))
}

/// Any duration up to this one.
pub(super) fn soon_within(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_differ_and_not_by_much() {
        let second = Duration::from_secs(1);
        let some: Vec<Duration> = (0..100).map(|_| varied(second)).collect();
        assert!(some.iter().all(|one| one.abs_diff(second) <= second / 10));
        assert!(some.iter().any(|one| one != &some[0]));
        assert!((0..100).all(|_| soon_within(second) <= second));
    }
}
