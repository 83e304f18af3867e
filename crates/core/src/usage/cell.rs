use std::sync::atomic::{
    AtomicI64, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

use crate::clock::Timestamp;
use crate::usage::Usage;

/// One key's counters since they were last taken. Zero stands for "never".
#[derive(Debug, Default)]
pub(crate) struct UsageCell {
    granted: AtomicU64,
    refused: AtomicU64,
    throttled: AtomicU64,
    last_used: AtomicI64,
}

impl UsageCell {
    pub(crate) fn record_granted(&self, at: Timestamp) {
        // Most requests of a busy key fall into one millisecond: reading first
        // leaves the cache line alone.
        if self.last_used.load(Relaxed) < at.as_millis() {
            self.last_used.fetch_max(at.as_millis(), Relaxed);
        }
        // Counted last, so that who takes the count sees the time as well: a
        // count of nothing would not tell it later.
        self.granted.fetch_add(1, Release);
    }

    pub(crate) fn record_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn record_throttled(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    /// Takes what was counted; nothing where nothing was.
    pub(crate) fn take(&self) -> Option<Usage> {
        let usage = Usage {
            granted: self.granted.swap(0, Acquire),
            refused: self.refused.swap(0, Relaxed),
            throttled: self.throttled.swap(0, Relaxed),
            last_used_at: match self.last_used.load(Relaxed) {
                0 => None,
                millis => Some(Timestamp::from_millis(millis)),
            },
        };
        (usage.granted | usage.refused | usage.throttled != 0).then_some(usage)
    }
}
