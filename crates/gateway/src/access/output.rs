use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::AccessOutput;

/// Where lines are written. The file behind it may be exchanged at any time.
#[derive(Debug)]
pub(super) struct Output {
    /// Nothing for standard output.
    path: Option<PathBuf>,
    file: Mutex<Arc<File>>,
    lost: Arc<AtomicU64>,
}

/// Gathers lines and writes whole ones, on the thread that waits for them. It never fails: what
/// cannot be written is counted and told, and the next lines are tried again.
#[derive(Debug)]
pub(super) struct LineWriter {
    output: Arc<Output>,
    gathered: Vec<u8>,
    /// Whether the last that was written is a part of a line.
    is_torn: bool,
    is_broken: bool,
}

/// As many bytes are gathered before they are written, if more are there already.
const GATHERED: usize = 64 * 1024;

impl Output {
    /// Lines that cannot be written are counted by `lost`.
    pub(super) fn open(output: &AccessOutput, lost: Arc<AtomicU64>) -> io::Result<Self> {
        let (path, file) = match output {
            AccessOutput::Standard => (None, standard_output()?),
            AccessOutput::File(path) => (Some(path.clone()), open(path).map_err(at(path))?),
        };
        Ok(Self {
            path,
            file: Mutex::new(Arc::new(file)),
            lost,
        })
    }

    /// Goes on in the file that the path names now; nothing changes where that cannot be opened.
    pub(super) fn reopen(&self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let file = Arc::new(open(path).map_err(at(path))?);
            *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        }
        Ok(())
    }

    fn file(&self) -> Arc<File> {
        Arc::clone(&self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LineWriter {
    pub(super) const fn new(output: Arc<Output>) -> Self {
        Self {
            output,
            gathered: Vec::new(),
            is_torn: false,
            is_broken: false,
        }
    }

    fn gather(&mut self, line: &[u8]) {
        if self.gathered.len() + line.len() > GATHERED {
            self.write_out();
        }
        if self.is_torn && self.gathered.is_empty() {
            // What follows half a line begins on a line of its own.
            self.gathered.push(b'\n');
        }
        self.gathered.extend_from_slice(line);
    }

    fn write_out(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let file = self.output.file();
        match write_whole(&*file, &self.gathered) {
            Ok(()) => {
                self.is_torn = false;
                if std::mem::take(&mut self.is_broken) {
                    tracing::info!("the access log is written again");
                }
            }
            Err((written, error)) => self.fail(written, &error),
        }
        self.gathered.clear();
    }

    fn fail(&mut self, written: usize, error: &io::Error) {
        let (done, rest) = self
            .gathered
            .split_at_checked(written)
            .unwrap_or((&[], &self.gathered));
        if let Some(last) = done.last() {
            self.is_torn = *last != b'\n';
        }
        let lines = rest.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.output.lost.fetch_add(lines, Ordering::Relaxed);
        if !std::mem::replace(&mut self.is_broken, true) {
            tracing::error!(%error, "the access log cannot be written: its lines are lost");
        }
    }
}

impl Write for LineWriter {
    /// Takes one line, which comes as a whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.gather(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out();
        Ok(())
    }
}

/// Writes all of it, or says how much was written before what went wrong.
fn write_whole(mut to: impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match to.write(rest) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

/// Opens the end of a file. A named pipe is none: to open one waits until somebody reads it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};

        options.mode(0o640);
        if std::fs::metadata(path).is_ok_and(|at| at.file_type().is_fifo()) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "expected a file, not a named pipe",
            ));
        }
    }
    options.open(path)
}

/// Says which file it is about.
fn at(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Standard output past the lock and the buffer that the process has for it.
#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd as _;

    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;

    io::stdout()
        .as_handle()
        .try_clone_to_owned()
        .map(File::from)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::{LineWriter, Output, write_whole};
    use crate::access::AccessOutput;

    /// Takes so many bytes, and fails from then on.
    struct Full {
        taken: Vec<u8>,
        room: usize,
    }

    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_write_that_fails_says_how_far_it_came() {
        let mut full = Full {
            taken: Vec::new(),
            room: 7,
        };
        let (written, error) = write_whole(&mut full, b"first\nsecond\n").expect_err("full");
        assert_eq!((written, error.kind()), (7, io::ErrorKind::StorageFull));
        assert_eq!(full.taken, b"first\ns");
    }

    #[test]
    fn what_follows_half_a_line_begins_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access");
        let output = AccessOutput::File(path.clone());
        let output = Arc::new(Output::open(&output, Arc::default()).expect("opened"));
        let mut writer = LineWriter::new(Arc::clone(&output));
        writer
            .write_all(b"first\nsecond\nthird\n")
            .expect("gathered");
        writer.fail(7, &io::ErrorKind::StorageFull.into());
        writer.gathered.clear();
        assert_eq!(
            output.lost.load(Ordering::Relaxed),
            2,
            "the half line is lost as well"
        );
        writer.write_all(b"fourth\n").expect("gathered");
        writer.flush().expect("written");
        writer.write_all(b"fifth\n").expect("gathered");
        writer.flush().expect("written");
        let written = std::fs::read_to_string(path).expect("read");
        assert_eq!(written, "\nfourth\nfifth\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        let error = Output::open(&AccessOutput::File(path), Arc::default()).expect_err("a pipe");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_full_loses_lines_and_nothing_else() {
        let output = AccessOutput::File("/dev/full".into());
        let output = Arc::new(Output::open(&output, Arc::default()).expect("opened"));
        let mut writer = LineWriter::new(Arc::clone(&output));
        for _ in 0..3 {
            writer.write_all(b"one\ntwo\n").expect("gathered");
            writer.flush().expect("never fails");
        }
        assert_eq!(output.lost.load(Ordering::Relaxed), 6);
    }
}
