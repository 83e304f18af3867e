use std::io::{self, Write as _};
use std::process;
use std::sync::{Arc, OnceLock};

use super::Exit;
use super::error::CliError;
use super::shutdown::Shutdown;

/// The signals that would end the program, held back while it does what must not end half-way: a
/// token is shown once, so what is committed is printed first.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<OnceLock<Exit>>);

impl Interrupt {
    /// From now on a signal is remembered, and a second one ends the program at once. To be called
    /// within a tokio runtime of several threads: the command itself may wait in a write.
    pub(super) fn hold_back() -> Result<Self, CliError> {
        let mut shutdown = Shutdown::listen_at_terminal()?;
        let interrupt = Self::default();
        let held = interrupt.clone();
        tokio::spawn(async move {
            held.remember(shutdown.next().await);
            // Where nobody reads standard error, this waits for ever: the next signal must not.
            tokio::task::spawn_blocking(tell);
            process::exit(shutdown.next().await.code().into());
        });
        Ok(interrupt)
    }

    /// Remembers a signal by the status that it ends the program with.
    pub(super) fn remember(&self, exit: Exit) {
        // The first one counts.
        let _ = self.0.set(exit);
    }

    /// An error where a signal was caught; `told` says how far the work has come.
    pub(super) fn check(&self, told: impl FnOnce() -> String) -> Result<(), CliError> {
        match self.0.get() {
            Some(exit) => Err(CliError::new(*exit, format!("stopped: {}", told()))),
            None => Ok(()),
        }
    }
}

fn tell() {
    let _ = writeln!(
        io::stderr(),
        "stopping when what is under way is done and printed; once more stops at once, and may \
         lose new tokens"
    );
}

#[cfg(test)]
mod tests {
    use super::Interrupt;
    use crate::cli::Exit;

    #[test]
    fn the_first_signal_says_how_it_ends() {
        let interrupt = Interrupt::default();
        interrupt.check(|| "all".to_owned()).expect("none caught");
        for exit in [Exit::Terminated, Exit::Interrupted] {
            interrupt.clone().remember(exit);
        }
        let error = interrupt.check(|| "a half is done".to_owned());
        let error = error.expect_err("caught");
        assert_eq!(error.exit(), Exit::Terminated);
        assert_eq!(error.to_string(), "error: stopped: a half is done");
    }
}
