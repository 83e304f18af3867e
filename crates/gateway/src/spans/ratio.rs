/// How many of the traces that begin here are recorded, from none to all.
///
/// Whether one is depends on its id alone, by the 56 bits that are random in every id (W3C Trace
/// Context, level 2), so that all who use the same ratio take the same traces, and who takes more
/// takes those of others as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// Ids from here on are taken.
    from: u64,
}

/// How many values the random part of an id has.
const VALUES: u64 = 1 << 56;

impl Ratio {
    /// All of them.
    pub const ALL: Self = Self { from: 0 };

    /// This part of them, from 0.0 to 1.0; nothing for any other number.
    #[must_use]
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self {
            from: ((1.0 - part) * VALUES as f64) as u64,
        })
    }

    /// Whether a trace of this id is recorded.
    pub(crate) const fn takes(self, trace: u128) -> bool {
        trace as u64 % VALUES >= self.from
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Ratio;

    #[test]
    fn as_many_are_taken_as_the_ratio_says() {
        for (part, expected) in [(0.0, 0..=0), (0.25, 2_200..=2_800), (1.0, 10_000..=10_000)] {
            let ratio = Ratio::new(part).expect("a ratio");
            let ids = (0..10_000).map(|_| Uuid::new_v4().as_u128());
            let taken = ids.filter(|id| ratio.takes(*id)).count();
            assert!(expected.contains(&taken), "{part}: {taken}");
        }
        assert_eq!(Ratio::new(1.0), Some(Ratio::ALL));
        assert!(Ratio::ALL.takes(0) && !Ratio::new(0.0).unwrap().takes(u128::MAX));
        for part in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Ratio::new(part), None, "{part}");
        }
    }
}
