use metrics::{Counter, Gauge, counter, gauge};
use portcullis::clock::Timestamp;

use crate::telemetry::names;

/// What is counted of configurations.
pub(super) struct ConfigMetrics {
    applied: Counter,
    invalid: Counter,
    failed: Counter,
    valid: Gauge,
    applied_at: Gauge,
    restart_needed: Gauge,
}

impl ConfigMetrics {
    /// Its counters go to the recorder that is installed now.
    pub(super) fn new() -> Self {
        let outcome = |outcome| counter!(names::CONFIG_RELOADS, "outcome" => outcome);
        Self {
            applied: outcome("applied"),
            invalid: outcome("invalid"),
            failed: outcome("failed"),
            valid: gauge!(names::CONFIG_VALID),
            applied_at: gauge!(names::CONFIG_APPLIED),
            restart_needed: gauge!(names::CONFIG_RESTART_NEEDED),
        }
    }

    /// The one that the gateway starts with.
    pub(super) fn started(&self, at: Timestamp) {
        for counter in [&self.applied, &self.invalid, &self.failed] {
            counter.increment(0);
        }
        self.counts(at, 0);
    }

    pub(super) fn applied(&self, at: Timestamp, restart_needed: usize) {
        self.applied.increment(1);
        self.counts(at, restart_needed);
    }

    pub(super) fn invalid(&self) {
        self.invalid.increment(1);
        self.valid.set(0.0);
    }

    pub(super) fn failed(&self) {
        self.failed.increment(1);
    }

    fn counts(&self, at: Timestamp, restart_needed: usize) {
        self.valid.set(1.0);
        self.applied_at.set(at.as_millis() as f64 / 1_000.0);
        self.restart_needed.set(restart_needed as f64);
    }
}
