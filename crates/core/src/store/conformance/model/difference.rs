use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

/// The first answer of a store that was not the model's, and how it came to
/// that.
#[derive(Debug)]
pub struct Difference {
    pub(super) seed: u64,
    pub(super) number: u32,
    pub(super) what: String,
    pub(super) recent: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed, number, what, ..
        } = self;
        write!(f, "seed {seed}, operation {number}: {what}")?;
        write!(f, "\nthe last {} operations:", self.recent.len())?;
        self.recent
            .iter()
            .try_for_each(|operation| write!(f, "\n- {operation}"))
    }
}

impl StdError for Difference {}

/// How often each operation was tried, by its name and how it ended: a
/// comparison that never met a refusal compared little.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    pub(super) fn count(&mut self, operation: &'static str, ending: &'static str) {
        let count = self.counts.entry((operation, ending)).or_default();
        *count = count.saturating_add(1);
    }

    /// How often this operation ended like this: `done`, or an error's kind.
    #[must_use]
    pub fn of(&self, operation: &str, ending: &str) -> u64 {
        let found = self
            .counts
            .iter()
            .find(|(key, _)| **key == (operation, ending));
        found.map_or(0, |(_, count)| *count)
    }

    /// Every operation, how it ended, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let row = |(&(operation, ending), &count): (&(&'static str, &'static str), &u64)| {
            (operation, ending, count)
        };
        self.counts.iter().map(row)
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            let sum = self.counts.entry(*key).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}
