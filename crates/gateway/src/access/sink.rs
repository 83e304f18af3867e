use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::AccessLogConfig;
use super::output::{LineWriter, Output};

/// An output, and the queue of lines before the thread that writes to it. Dropped, it takes no more
/// lines; the thread writes what waits, and nobody waits for that here.
pub(crate) struct AccessSink {
    config: AccessLogConfig,
    queue: NonBlocking,
    output: Arc<Output>,
    told: AtomicUsize,
    lost: Lost,
    guard: Option<WorkerGuard>,
}

/// How many lines were lost, by whatever sinks there were. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    /// Of sinks that are gone.
    queue_full: Arc<AtomicU64>,
    write_failed: Arc<AtomicU64>,
}

impl AccessSink {
    /// Opens the output. `writes` is dropped once all is written.
    ///
    /// # Errors
    ///
    /// Those of the system, where it cannot be opened.
    pub(super) fn open(
        config: &AccessLogConfig,
        lost: Lost,
        writes: TaskTrackerToken,
    ) -> io::Result<Self> {
        let failed = Arc::clone(&lost.write_failed);
        let output = Arc::new(Output::open(&config.output, failed)?);
        let writer = Writer {
            lines: LineWriter::new(Arc::clone(&output)),
            _writes: writes,
        };
        Ok(Self::over(config, output, writer, lost))
    }

    /// The queue before a writer.
    fn over(
        config: &AccessLogConfig,
        output: Arc<Output>,
        writer: impl io::Write + Send + 'static,
        lost: Lost,
    ) -> Self {
        let (queue, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(config.lines)
            .thread_name("access-log")
            .finish(writer);
        Self {
            config: config.clone(),
            queue,
            output,
            told: AtomicUsize::new(0),
            lost,
            guard: Some(guard),
        }
    }

    /// What it was opened for.
    pub(super) const fn config(&self) -> &AccessLogConfig {
        &self.config
    }

    /// Hands a line over, its end included, and never waits.
    pub(super) fn write(&self, line: &[u8]) {
        // It says nothing of what is lost but in its counter.
        let _ = self.queue.clone().write_all(line);
        self.tell();
    }

    /// Goes on in the file that bears the name now: after it was renamed to be kept.
    ///
    /// # Errors
    ///
    /// Those of the system, where it cannot be opened. Lines go to the file of before then.
    pub(super) fn reopen(&self) -> io::Result<()> {
        self.output.reopen()
    }

    /// Lines for which there was no room.
    pub(super) fn queue_full(&self) -> u64 {
        self.queue.error_counter().dropped_lines() as u64
    }

    /// Tells of lines for which there was no room: of the first, and whenever they have doubled.
    fn tell(&self) {
        let dropped = self.queue.error_counter().dropped_lines();
        let told = self.told.load(Ordering::Relaxed);
        if dropped < told.saturating_mul(2).max(1) {
            return;
        }
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let first = self.told.compare_exchange(told, dropped, success, failure);
        if first.is_ok() {
            tracing::warn!(
                dropped,
                "lines of the access log are lost: its queue is full"
            );
        }
    }
}

impl Lost {
    /// By why they were lost: the queue was full, or the output took nothing.
    pub(super) fn read(&self) -> [u64; 2] {
        [&self.queue_full, &self.write_failed].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Drop for AccessSink {
    fn drop(&mut self) {
        let lost = &self.lost.queue_full;
        lost.fetch_add(self.queue_full(), Ordering::Relaxed);
        if let Some(guard) = self.guard.take() {
            // It waits for a second where the output takes nothing, and tells standard output of
            // it, which may be that very output. Whoever drops a sink may serve requests.
            let end = thread::Builder::new().name("access-log-end".to_owned());
            let _ = end.spawn(move || drop(guard));
        }
    }
}

impl fmt::Debug for AccessSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessSink")
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

/// What the thread has for as long as it writes.
struct Writer {
    lines: LineWriter,
    _writes: TaskTrackerToken,
}

impl io::Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Write};
    use std::path::Path;
    use std::sync::{Arc, mpsc};

    use portcullis::clock::ManualClock;

    use super::{AccessSink, Lost};
    use crate::access::output::Output;
    use crate::access::{AccessLog, AccessLogConfig, AccessOutput};

    fn open(path: &Path) -> io::Result<AccessLog> {
        let config = AccessLogConfig {
            output: AccessOutput::File(path.to_owned()),
            ..AccessLogConfig::default()
        };
        AccessLog::new(Arc::new(ManualClock::new()), Some(&config), None)
    }

    fn write(log: &AccessLog, line: &[u8]) {
        log.sink().as_ref().expect("open").write(line);
    }

    #[tokio::test]
    async fn every_line_is_written_by_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access");
        let log = open(&path).expect("opened");
        let long = "x".repeat(100_000);
        for number in 0..1_000 {
            write(&log, format!("{number}\n").as_bytes());
        }
        write(&log, format!("{long}\n").as_bytes());
        log.close().await;
        let written = fs::read_to_string(&path).expect("read");
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 1_001);
        assert_eq!((lines[0], lines[999], lines[1_000]), ("0", "999", &*long));
    }

    #[tokio::test]
    async fn a_renamed_file_is_left_and_its_name_opened_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, kept) = (folder.path().join("access"), folder.path().join("access.1"));
        fs::write(&path, "before\n").expect("written");
        let log = open(&path).expect("opened");
        write(&log, b"first\n");
        let has_first = || fs::read_to_string(&path).is_ok_and(|text| text.contains("first"));
        while !has_first() {
            tokio::task::yield_now().await;
        }
        fs::rename(&path, &kept).expect("renamed");
        log.reopen().expect("reopened");
        write(&log, b"second\n");
        log.close().await;
        assert_eq!(fs::read_to_string(&kept).expect("read"), "before\nfirst\n");
        assert_eq!(fs::read_to_string(&path).expect("read"), "second\n");
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_opened_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("log");
        fs::create_dir(&inner).expect("a folder");
        let log = open(&inner.join("access")).expect("opened");
        let moved = folder.path().join("moved");
        fs::rename(&inner, &moved).expect("renamed");
        log.reopen().expect_err("there is no folder");
        write(&log, b"line\n");
        log.close().await;
        let written = fs::read_to_string(moved.join("access"));
        assert_eq!(written.expect("read"), "line\n");
    }

    /// Takes nothing until it may.
    struct Stopped(mpsc::Receiver<()>);

    impl Write for Stopped {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_queue_that_is_full_counts_what_is_lost_and_nobody_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = AccessLogConfig {
            output: AccessOutput::File(folder.path().join("access")),
            lines: 16,
            ..AccessLogConfig::default()
        };
        let lost = Lost::default();
        let output = Output::open(&config.output, Arc::default()).expect("opened");
        let (go_on, stopped) = mpsc::channel();
        let writer = Stopped(stopped);
        let sink = AccessSink::over(&config, Arc::new(output), writer, lost.clone());
        for _ in 0..100 {
            sink.write(b"line\n");
        }
        // One may be with the writer already.
        let full = sink.queue_full();
        assert!((83..=84).contains(&full), "{full}");
        drop(sink);
        assert_eq!(lost.read(), [full, 0], "it is counted on");
        drop(go_on);
    }
}
