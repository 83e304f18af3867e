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
            exports: ["success", "partial_success", "failure"].map(export),
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
        let [success, partial, failure] = &self.exports;
        match outcome {
            Ok(0) => success.increment(1),
            Ok(_) => partial.increment(1),
            Err(_) => failure.increment(1),
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

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::{Lost, Meters};
    use crate::spans::failure::Failure;

    #[test]
    fn what_is_lost_and_what_came_of_attempts_is_told_apart() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let meters = metrics::with_local_recorder(&recorder, Meters::new);
        meters.lost(2, Lost::QueueFull);
        meters.lost(3, Lost::ExportFailed);
        meters.lost(5, Lost::Shutdown);
        meters.attempted(10, Ok(0));
        meters.attempted(10, Ok(7));
        meters.attempted(10, Err(Failure::Late));
        let text = recorder.handle().render();
        for line in [
            "spans_dropped_total{reason=\"queue_full\"} 2",
            "spans_dropped_total{reason=\"export_failed\"} 3",
            "spans_dropped_total{reason=\"rejected\"} 7",
            "spans_dropped_total{reason=\"shutdown\"} 5",
            "exports_total{outcome=\"success\"} 1",
            "exports_total{outcome=\"partial_success\"} 1",
            "exports_total{outcome=\"failure\"} 1",
            "spans_exported_total 13",
        ] {
            let line = format!("portcullis_trace_{line}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
