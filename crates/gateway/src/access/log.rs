use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis::clock::Clock;

use super::AccessSink;
use super::metrics::RouteMetrics;
use crate::spans::SpanQueue;

/// Where the records of requests go: histograms, and lines where there is an output for them.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    sink: Option<AccessSink>,
    with_path: bool,
    spans: Option<SpanQueue>,
    /// Of requests that came to no route.
    nowhere: RouteMetrics,
    /// From when on nobody but the gateway ends what is under way, in monotonic nanoseconds.
    cut_from: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        sink: Option<AccessSink>,
        with_path: bool,
        spans: Option<SpanQueue>,
    ) -> Self {
        let shared = Shared {
            clock,
            with_path: with_path && sink.is_some(),
            sink,
            spans,
            nowhere: RouteMetrics::new("", ""),
            cut_from: AtomicU64::new(u64::MAX),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The requests that are under way have so long for their end. What is given up after that is
    /// the gateway's doing, and no client's.
    pub(crate) fn drain(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let cut_from = self.clock().now().monotonic().saturating_add(nanos);
        self.shared.cut_from.store(cut_from, Ordering::Relaxed);
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    pub(super) fn sink(&self) -> Option<&AccessSink> {
        self.shared.sink.as_ref()
    }

    /// Where spans go, if they go anywhere.
    pub(super) fn spans(&self) -> Option<&SpanQueue> {
        self.shared.spans.as_ref()
    }

    /// Whether lines have a path.
    pub(super) fn with_path(&self) -> bool {
        self.shared.with_path
    }

    pub(super) fn nowhere(&self) -> &RouteMetrics {
        &self.shared.nowhere
    }

    /// Whether what ends now is cut.
    pub(super) fn is_cutting(&self, now: u64) -> bool {
        self.shared.cut_from.load(Ordering::Relaxed) <= now
    }
}
