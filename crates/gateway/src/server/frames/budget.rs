use tokio::time::Instant;

/// So many thousandths are one.
const ONE: u64 = 1_000;

/// How often something may be done: so often at once, and so often a second after that.
#[derive(Debug)]
pub(super) struct Budget {
    /// All in thousandths.
    left: u64,
    most: u64,
    per_second: u64,
    filled_at: Option<Instant>,
}

impl Budget {
    /// A full one. `per_second` is at least one.
    pub(super) fn new(most: usize, per_second: usize) -> Self {
        let thousandths = |count: usize| u64::try_from(count).unwrap_or(u64::MAX / ONE) * ONE;
        Self {
            left: thousandths(most),
            most: thousandths(most),
            per_second: thousandths(per_second.max(1)),
            filled_at: None,
        }
    }

    /// Takes one, where there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let left = self.left.checked_sub(ONE);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Gives back so many thousandths.
    pub(super) fn give(&mut self, thousandths: u64) {
        self.left = self.left.saturating_add(thousandths).min(self.most);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(*self.filled_at.get_or_insert(now));
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let earned = micros.saturating_mul(self.per_second) / 1_000_000;
        // What is less than one thousandth is waited for.
        if earned > 0 {
            self.filled_at = Some(now);
            self.give(earned);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(budget: &mut Budget, now: Instant) -> usize {
        std::iter::from_fn(|| budget.take(now).then_some(())).count()
    }

    #[test]
    fn a_budget_is_used_up_and_comes_back_with_time_and_with_what_is_given() {
        let start = Instant::now();
        let mut budget = Budget::new(3, 10);
        assert_eq!(taken(&mut budget, start), 3);
        assert_eq!(taken(&mut budget, start + Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut budget, start + Duration::from_millis(100)), 1);
        budget.give(2_500);
        assert_eq!(taken(&mut budget, start + Duration::from_millis(100)), 2);
        let later = start + Duration::from_hours(1);
        assert_eq!(taken(&mut budget, later), 3, "never more than at first");
        budget.give(u64::MAX);
        assert_eq!(taken(&mut budget, later), 3);
    }
}
