use std::io::Read;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::eventually_within;

/// So long a process may take to its end.
const LIMIT: Duration = Duration::from_secs(60);

/// A process of a test's own: killed, by its id alone, when it is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("started"))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it prints, where that is a pipe that nobody else reads.
    ///
    /// # Panics
    ///
    /// Where it is not.
    #[must_use]
    pub fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("a pipe")
    }

    /// Whether it has ended.
    ///
    /// # Panics
    ///
    /// Where the system does not say.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    ///
    /// Where there is no shell to send it.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell").success(), "{kill}");
    }

    /// Waits for it to end by itself, and returns its exit status; -1 where a
    /// signal ended it.
    ///
    /// # Panics
    ///
    /// Where it does not end.
    #[must_use]
    pub fn wait(mut self) -> i32 {
        let mut status = None;
        eventually_within(LIMIT, "the process ends", || {
            status = self.0.try_wait().expect("a child");
            status.is_some()
        });
        status.and_then(|status| status.code()).unwrap_or(-1)
    }

    /// Waits for it to end by itself, and returns its exit status with what it
    /// has printed and said.
    ///
    /// # Panics
    ///
    /// Where it does not end.
    #[must_use]
    pub fn wait_with_output(mut self) -> (i32, String, String) {
        let (stdout, stderr) = (read(self.0.stdout.take()), read(self.0.stderr.take()));
        let status = self.wait();
        let text = |read: JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&read.join().expect("read")).into_owned()
        };
        (status, text(stdout), text(stderr))
    }

    /// Says this to it, and no more.
    ///
    /// # Panics
    ///
    /// Where its standard input is no pipe.
    pub fn say(&mut self, text: &str) {
        let mut stdin = self.0.stdin.take().expect("a pipe");
        // A program that does not read may have ended already.
        let _ = std::io::Write::write_all(&mut stdin, text.as_bytes());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All three of a process's streams as pipes.
pub fn piped(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came until it broke is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
