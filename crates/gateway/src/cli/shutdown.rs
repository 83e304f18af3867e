use std::io;

use super::Exit;
use super::error::CliError;

/// The signals by which people and service managers end the program, caught from now on.
pub(super) struct Shutdown {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Shutdown {
    /// Catches the signals, so that one that comes before anybody waits is not lost.
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};

        let listen = || -> io::Result<Self> {
            let terminate = signal(SignalKind::terminate())?;
            Ok(Self {
                terminate,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        listen().map_err(|error| failed(&error))
    }

    /// There is only Ctrl-C, and it is caught when it is first waited for.
    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Self, CliError> {
        Ok(Self {})
    }

    /// Ends with the first signal.
    #[cfg(unix)]
    pub(super) async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ends with Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn wait(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn failed(error: &io::Error) -> CliError {
    CliError::because(Exit::Failure, "cannot catch signals", error)
}
