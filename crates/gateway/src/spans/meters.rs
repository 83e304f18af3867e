use metrics::{Counter, counter};

use super::failure::Failure;
use crate::telemetry::names;

/// What is counted of spans.
#[derive(Clone)]
pub(super) struct Meters {
    taken: Counter,
    exports: [Counter; 3],
    dropped: [Counter; 4],
}

/// Why spans are lost: the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// There was no room for them.
    QueueFull,
    /// No attempt at sending them came through.
    ExportFailed,
    /// The collector took their batch, and not them.
    Rejected,
    /// The gateway had to end.
    Shutdown,
}

impl Meters {
    /// Goes to the recorder that is installed now.
    pub(super) fn new() -> Self {
        let export = |outcome: &'static str| counter!(names::TRACE_EXPORTS, "outcome" => outcome);
        let dropped =
            |reason: &'static str| counter!(names::TRACE_SPANS_DROPPED, "reason" => reason);
        Self {
            taken: counter!(names::TRACE_SPANS_EXPORTED),
            exports: ["taken", "partly", "failed"].map(export),
            dropped: ["queue_full", "export_failed", "rejected", "shutdown"].map(dropped),
        }
    }

    pub(super) fn lost(&self, spans: u64, why: Lost) {
        if let Some(counter) = self.dropped.get(why as usize) {
            counter.increment(spans);
        }
    }

    /// An attempt is over: how many of so many spans were not taken, or why none was.
    pub(super) fn attempted(&self, spans: u64, outcome: Result<u64, Failure>) {
        let [taken, partly, failed] = &self.exports;
        match outcome {
            Ok(0) => taken.increment(1),
            Ok(_) => partly.increment(1),
            Err(_) => failed.increment(1),
        }
        if let Ok(rejected) = outcome {
            self.taken.increment(spans.saturating_sub(rejected));
            self.lost(rejected, Lost::Rejected);
        }
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
