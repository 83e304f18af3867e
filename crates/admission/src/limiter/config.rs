/// How much a [`Limiter`](super::Limiter) may remember.
#[derive(Debug, Clone)]
pub struct LimiterConfig {
    capacity: usize,
}

impl LimiterConfig {
    /// The most keys whose use is remembered at the same time: 1 to
    /// 100,000,000, and 1,000,000 where not set. A value outside is brought
    /// into that range.
    ///
    /// A key takes about 100 bytes, and goes once its whole burst is there
    /// again. Where more keys than this are within their recovery at the same
    /// time, those nearest to its end are forgotten first: each may then take
    /// one burst too early.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self {
            capacity: capacity.clamp(1, 100_000_000),
        }
    }

    pub(super) fn entries(&self) -> usize {
        self.capacity
    }
}

impl Default for LimiterConfig {
    fn default() -> Self {
        Self {
            capacity: 1_000_000,
        }
    }
}
