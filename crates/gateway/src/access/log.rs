use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use metrics::{Counter, counter};
use portcullis::clock::Clock;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::metrics::RouteMetrics;
use super::sink::Lost;
use super::{AccessLogConfig, AccessSink};
use crate::spans::SpanQueue;
use crate::telemetry::names;

/// Where the records of requests go: histograms, and lines where there is an output for them, which
/// can be replaced at any time. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    sink: ArcSwapOption<AccessSink>,
    lost: Lost,
    /// By why they are lost; nothing until there was an output.
    dropped: OnceLock<[Counter; 2]>,
    /// The threads that write, those of outputs that were replaced as well.
    writing: TaskTracker,
    spans: Option<SpanQueue>,
    /// Of requests that came to no route.
    nowhere: RouteMetrics,
    /// From when on nobody but the gateway ends what is under way, in monotonic nanoseconds.
    cut_from: AtomicU64,
}

/// What takes the place of an output, opened.
#[derive(Debug)]
pub(crate) enum NextOutput {
    /// What there is.
    Same,
    /// None.
    Nowhere,
    /// Another.
    Opened(AccessSink),
}

/// How long the end may take. The queue's own bound is 1.1 seconds.
const PATIENCE: Duration = Duration::from_secs(2);

impl AccessLog {
    /// Opens the output, if there is one. Counters go to the recorder that is installed now.
    ///
    /// # Errors
    ///
    /// Those of the system, where it cannot be opened.
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        config: Option<&AccessLogConfig>,
        spans: Option<SpanQueue>,
    ) -> io::Result<Self> {
        let shared = Shared {
            clock,
            sink: ArcSwapOption::empty(),
            lost: Lost::default(),
            dropped: OnceLock::new(),
            writing: TaskTracker::new(),
            spans,
            nowhere: RouteMetrics::new("", ""),
            cut_from: AtomicU64::new(u64::MAX),
        };
        let log = Self {
            shared: Arc::new(shared),
        };
        let first = log.next(config)?;
        log.replace(first);
        Ok(log)
    }

    /// Opens what another configuration asks for, and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(crate) fn next(&self, config: Option<&AccessLogConfig>) -> io::Result<NextOutput> {
        let sink = self.sink();
        if config == sink.as_ref().map(|sink| sink.config()) {
            return Ok(NextOutput::Same);
        }
        let Some(config) = config else {
            return Ok(NextOutput::Nowhere);
        };
        let (lost, writing) = (self.shared.lost.clone(), self.shared.writing.token());
        AccessSink::open(config, lost, writing).map(NextOutput::Opened)
    }

    /// From now on lines go there. Those that wait are written where they were to go.
    pub(crate) fn replace(&self, next: NextOutput) {
        let next = match next {
            NextOutput::Same => return,
            NextOutput::Nowhere => None,
            NextOutput::Opened(sink) => Some(Arc::new(sink)),
        };
        if next.is_some() {
            self.shared.dropped.get_or_init(|| {
                ["queue_full", "write_failed"]
                    .map(|reason| counter!(names::ACCESS_LOG_DROPPED, "reason" => reason))
            });
        }
        // What was goes with the last line that is being handed to it.
        self.shared.sink.store(next);
    }

    /// Goes on in the file that bears the name of the output now, and says whether there is one.
    ///
    /// # Errors
    ///
    /// Those of the system, where it cannot be opened. Lines go to the file of before then.
    pub(crate) fn reopen(&self) -> io::Result<bool> {
        match &*self.sink() {
            Some(sink) => sink.reopen().map(|()| true),
            None => Ok(false),
        }
    }

    /// Brings the counters of lines that are lost up to date.
    pub(crate) fn count(&self) {
        let Some(dropped) = self.shared.dropped.get() else {
            return;
        };
        // In this order: one that is replaced meanwhile is counted late, and not twice.
        let [gone, write_failed] = self.shared.lost.read();
        let now = self.sink().as_ref().map_or(0, |sink| sink.queue_full());
        for (counter, count) in dropped.iter().zip([gone + now, write_failed]) {
            counter.absolute(count);
        }
    }

    /// Takes no more lines, and waits for what is not written yet, within a bound.
    pub(crate) async fn close(&self) {
        self.shared.sink.store(None);
        self.shared.writing.close();
        // What the output does not take is lost.
        let _ = timeout(PATIENCE, self.shared.writing.wait()).await;
    }

    /// The requests that are under way have so long for their end. What is given up after that is
    /// the gateway's doing, and no client's.
    pub(crate) fn drain(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let cut_from = self.clock().monotonic().saturating_add(nanos);
        self.shared.cut_from.store(cut_from, Ordering::Relaxed);
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Where lines go now. To be held for as long as it takes to hand one over.
    pub(super) fn sink(&self) -> Guard<Option<Arc<AccessSink>>> {
        self.shared.sink.load()
    }

    /// Where spans go, if they go anywhere.
    pub(super) fn spans(&self) -> Option<&SpanQueue> {
        self.shared.spans.as_ref()
    }

    /// Whether lines have a path.
    pub(super) fn with_path(&self) -> bool {
        let sink = self.sink();
        sink.as_ref().is_some_and(|sink| sink.config().with_path)
    }

    pub(super) fn nowhere(&self) -> &RouteMetrics {
        &self.shared.nowhere
    }

    /// Whether what ends now is cut.
    pub(super) fn is_cutting(&self, now: u64) -> bool {
        self.shared.cut_from.load(Ordering::Relaxed) <= now
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use portcullis::clock::ManualClock;

    use super::{AccessLog, NextOutput};
    use crate::access::{AccessLogConfig, AccessOutput};

    fn to(path: &Path) -> AccessLogConfig {
        AccessLogConfig {
            output: AccessOutput::File(path.to_owned()),
            ..AccessLogConfig::default()
        }
    }

    fn open(config: Option<&AccessLogConfig>) -> AccessLog {
        AccessLog::new(Arc::new(ManualClock::new()), config, None).expect("opened")
    }

    /// What is asked for counts from now on.
    fn change(log: &AccessLog, config: Option<&AccessLogConfig>) {
        let next = log.next(config).expect("opened");
        log.replace(next);
    }

    #[tokio::test]
    async fn lines_that_wait_are_written_where_they_were_to_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
        let log = open(None);
        assert!(log.sink().is_none());
        for (at, path) in [&first, &second, &first].into_iter().enumerate() {
            change(&log, Some(&to(path)));
            for number in 0..500 {
                let line = format!("{at}.{number}\n");
                log.sink().as_ref().expect("open").write(line.as_bytes());
            }
        }
        change(&log, None);
        assert!(log.sink().is_none());
        log.close().await;
        for (path, times) in [(&first, &[0, 2][..]), (&second, &[1])] {
            let written = fs::read_to_string(path).expect("read");
            let mut lines: Vec<&str> = written.lines().collect();
            lines.sort_unstable();
            let whole = times.iter();
            let whole = whole.flat_map(|at| (0..500).map(move |number| format!("{at}.{number}")));
            let mut whole: Vec<String> = whole.collect();
            whole.sort_unstable();
            assert_eq!(lines, whole);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_opened_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = open(Some(&to(&path)));
        let error = log.next(Some(&to(&folder.path().join("no/folder"))));
        let error = error.expect_err("there is none").to_string();
        assert!(error.contains("no/folder"), "{error}");
        log.sink().as_ref().expect("open").write(b"line\n");
        let same = log.next(Some(&to(&path))).expect("nothing to open");
        assert!(matches!(same, NextOutput::Same), "{same:?}");
        log.close().await;
        assert_eq!(fs::read_to_string(&path).expect("read"), "line\n");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn lines_that_are_lost_are_counted_whatever_output_there_was() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let full = to(Path::new("/dev/full"));
        let other = AccessLogConfig {
            lines: 16,
            ..full.clone()
        };
        let log = metrics::with_local_recorder(&recorder, || {
            let log = open(None);
            log.count();
            assert!(!handle.render().contains("dropped"), "there is no output");
            for config in [&full, &other] {
                change(&log, Some(config));
                for _ in 0..3 {
                    log.sink().as_ref().expect("open").write(b"line\n");
                }
            }
            log
        });
        log.close().await;
        log.count();
        let line = "portcullis_access_log_dropped_total{reason=\"write_failed\"} 6";
        let text = handle.render();
        assert!(text.lines().any(|have| have == line), "{text}");
    }
}
