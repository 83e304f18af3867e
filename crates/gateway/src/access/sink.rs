use std::fmt;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use metrics::{Counter, counter};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::AccessLogConfig;
use super::output::{LineWriter, Output};
use crate::telemetry::names;

/// The queue of lines before the thread that writes them. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct AccessSink {
    queue: NonBlocking,
    output: Arc<Output>,
    told: Arc<AtomicUsize>,
    dropped: [Counter; 2],
}

/// The thread that writes lines. Dropped, it writes what waits, for as long as [`PATIENCE`].
#[derive(Debug)]
pub(crate) struct AccessWriter {
    guard: Option<WorkerGuard>,
}

/// How long the end may take. The queue's own bound is 1.1 seconds.
const PATIENCE: Duration = Duration::from_secs(2);

impl AccessSink {
    /// Opens the output. Its counters go to the recorder that is installed now.
    ///
    /// # Errors
    ///
    /// Those of the system, where it cannot be opened.
    pub(crate) fn open(config: &AccessLogConfig) -> io::Result<(Self, AccessWriter)> {
        let output = Arc::new(Output::open(&config.output)?);
        let writer = LineWriter::new(Arc::clone(&output));
        Ok(Self::over(output, writer, config.lines))
    }

    /// A queue of so many lines before a writer.
    fn over(
        output: Arc<Output>,
        writer: impl io::Write + Send + 'static,
        lines: usize,
    ) -> (Self, AccessWriter) {
        let (queue, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(lines)
            .thread_name("access-log")
            .finish(writer);
        let dropped =
            |reason: &'static str| counter!(names::ACCESS_LOG_DROPPED, "reason" => reason);
        let sink = Self {
            queue,
            output,
            told: Arc::default(),
            dropped: [dropped("queue_full"), dropped("write_failed")],
        };
        let guard = Some(guard);
        (sink, AccessWriter { guard })
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
    pub(crate) fn reopen(&self) -> io::Result<()> {
        self.output.reopen()
    }

    /// Brings the counters up to date.
    pub(crate) fn count(&self) {
        let queue_full = self.queue.error_counter().dropped_lines() as u64;
        for (counter, count) in self.dropped.iter().zip([queue_full, self.output.lost()]) {
            counter.absolute(count);
        }
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

impl AccessWriter {
    /// Writes what waits, and ends, within a bound.
    pub(crate) async fn close(self) {
        // What panicked has nothing to write any more.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Drop for AccessWriter {
    fn drop(&mut self) {
        let Some(guard) = self.guard.take() else {
            return;
        };
        let (done, wait) = mpsc::channel::<()>();
        // Where the output takes nothing, the guard tells standard output of it, which may be that
        // very output.
        let closing = thread::Builder::new().spawn(move || {
            drop(guard);
            drop(done);
        });
        if closing.is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Write};
    use std::path::Path;
    use std::sync::{Arc, mpsc};

    use super::{AccessSink, AccessWriter};
    use crate::access::output::Output;
    use crate::access::{AccessLogConfig, AccessOutput};

    fn open(path: &Path) -> io::Result<(AccessSink, AccessWriter)> {
        AccessSink::open(&AccessLogConfig {
            output: AccessOutput::File(path.to_owned()),
            ..AccessLogConfig::default()
        })
    }

    #[tokio::test]
    async fn every_line_is_written_by_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access");
        let (sink, writer) = open(&path).expect("opened");
        let long = "x".repeat(100_000);
        for number in 0..1_000 {
            sink.write(format!("{number}\n").as_bytes());
        }
        sink.write(format!("{long}\n").as_bytes());
        writer.close().await;
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
        let (sink, writer) = open(&path).expect("opened");
        sink.write(b"first\n");
        let has_first = || fs::read_to_string(&path).is_ok_and(|text| text.contains("first"));
        while !has_first() {
            tokio::task::yield_now().await;
        }
        fs::rename(&path, &kept).expect("renamed");
        sink.reopen().expect("reopened");
        sink.write(b"second\n");
        writer.close().await;
        assert_eq!(fs::read_to_string(&kept).expect("read"), "before\nfirst\n");
        assert_eq!(fs::read_to_string(&path).expect("read"), "second\n");
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_opened_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("log");
        fs::create_dir(&inner).expect("a folder");
        let (sink, writer) = open(&inner.join("access")).expect("opened");
        let moved = folder.path().join("moved");
        fs::rename(&inner, &moved).expect("renamed");
        sink.reopen().expect_err("there is no folder");
        sink.write(b"line\n");
        writer.close().await;
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

    #[tokio::test]
    async fn a_queue_that_is_full_counts_what_is_lost_and_nobody_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = AccessOutput::File(folder.path().join("access"));
        let output = Arc::new(Output::open(&path).expect("opened"));
        let (go_on, stopped) = mpsc::channel();
        let (sink, writer) = AccessSink::over(output, Stopped(stopped), 16);
        for _ in 0..100 {
            sink.write(b"line\n");
        }
        // One may be with the writer already.
        let lost = sink.queue.error_counter().dropped_lines();
        assert!((83..=84).contains(&lost), "{lost}");
        drop(go_on);
        writer.close().await;
    }
}
