use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Counter;

use super::Decision;

/// How many requests were decided, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdmissionStats {
    /// Requests that could pass.
    pub admitted: u64,
    /// Requests whose token was not good for what is guarded.
    pub refused: u64,
    /// Requests whose token was good, and was used too often.
    pub throttled: u64,
    /// Requests of which nobody could say anything.
    pub unavailable: u64,
}

/// The gatekeeper's own counters, each beside the handle that exports it as
/// `portcullis_admission_total{outcome}`.
pub(super) struct Counts {
    admitted: Count,
    refused: Count,
    throttled: Count,
    unavailable: Count,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            admitted: Count::new("admitted"),
            refused: Count::new("refused"),
            throttled: Count::new("throttled"),
            unavailable: Count::new("unavailable"),
        }
    }

    pub(super) fn count(&self, decision: &Decision) {
        match decision {
            Decision::Admitted(_) => &self.admitted,
            Decision::Refused(_) => &self.refused,
            Decision::Throttled(_) => &self.throttled,
            Decision::Unavailable(_) => &self.unavailable,
        }
        .increment();
    }

    pub(super) fn stats(&self) -> AdmissionStats {
        AdmissionStats {
            admitted: self.admitted.value(),
            refused: self.refused.value(),
            throttled: self.throttled.value(),
            unavailable: self.unavailable.value(),
        }
    }
}

struct Count {
    value: AtomicU64,
    exported: Counter,
}

impl Count {
    fn new(outcome: &'static str) -> Self {
        let exported = metrics::counter!("portcullis_admission_total", "outcome" => outcome);
        Self {
            value: AtomicU64::new(0),
            exported,
        }
    }

    fn increment(&self) {
        self.value.fetch_add(1, Ordering::Relaxed);
        self.exported.increment(1);
    }

    fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}
