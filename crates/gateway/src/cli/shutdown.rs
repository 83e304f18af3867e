use std::pin::pin;

use tokio_util::sync::CancellationToken;

use super::Exit;
use super::error::CliError;

/// The signals by which people and service managers end the program, caught from now on.
pub(super) struct Shutdown {
    #[cfg(unix)]
    signals: Vec<(tokio::signal::unix::Signal, Exit)>,
}

/// How something ended that was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As it should, in its own time.
    InOrder,
    /// Whoever told it did not want to wait.
    Cut,
}

impl Shutdown {
    /// Catches SIGTERM and Ctrl-C, so that one that comes before anybody waits is not lost.
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Self, CliError> {
        use tokio::signal::unix::SignalKind;

        Self::catch(&[
            (SignalKind::terminate(), Exit::Terminated),
            (SignalKind::interrupt(), Exit::Interrupted),
        ])
    }

    /// The same, and SIGHUP: for what must not outlive the terminal that it was started from, and
    /// has something to tidy up. Whoever had SIGHUP ignored (nohup) wants it to go on without.
    #[cfg(unix)]
    pub(super) fn listen_at_terminal() -> Result<Self, CliError> {
        if is_hangup_ignored() {
            Self::listen()
        } else {
            Self::listen_and_hang_up()
        }
    }

    #[cfg(unix)]
    fn listen_and_hang_up() -> Result<Self, CliError> {
        use tokio::signal::unix::SignalKind;

        Self::catch(&[
            (SignalKind::terminate(), Exit::Terminated),
            (SignalKind::interrupt(), Exit::Interrupted),
            (SignalKind::hangup(), Exit::HungUp),
        ])
    }

    #[cfg(unix)]
    fn catch(kinds: &[(tokio::signal::unix::SignalKind, Exit)]) -> Result<Self, CliError> {
        let caught = |(kind, exit): &_| Ok((tokio::signal::unix::signal(*kind)?, *exit));
        let signals = kinds
            .iter()
            .map(caught)
            .collect::<std::io::Result<_>>()
            .map_err(|error| cannot_catch(&error))?;
        Ok(Self { signals })
    }

    /// There is only Ctrl-C, and it is caught when it is first waited for.
    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Self, CliError> {
        Ok(Self {})
    }

    /// The same.
    #[cfg(not(unix))]
    pub(super) fn listen_at_terminal() -> Result<Self, CliError> {
        Self::listen()
    }

    /// Waits for the next signal: the status of a program that it stops.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Exit {
        std::future::poll_fn(|cx| {
            let mut polled = self.signals.iter_mut();
            polled
                .find_map(|(signal, exit)| signal.poll_recv(cx).is_ready().then_some(*exit))
                .map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await
    }

    /// Waits for the next Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Exit {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Exit::Interrupted
    }
}

/// From now on a file that may not grow any further (`ulimit -f`) is an error of the write that met
/// it, as a full disk is, and not the program's end without a word. To be called within a runtime.
#[cfg(unix)]
pub(super) fn outlive_file_limit() -> Result<(), CliError> {
    /// SIGXFSZ: on Linux and on the BSDs, of whatever machine but MIPS.
    const FILE_LIMIT: i32 = 25;

    // It stays caught, though nobody waits for it.
    let kind = tokio::signal::unix::SignalKind::from_raw(FILE_LIMIT);
    let caught = tokio::signal::unix::signal(kind);
    caught.map(drop).map_err(|error| cannot_catch(&error))
}

/// There is no such limit.
#[cfg(not(unix))]
pub(super) fn outlive_file_limit() -> Result<(), CliError> {
    Ok(())
}

#[cfg(unix)]
pub(super) fn cannot_catch(error: &std::io::Error) -> CliError {
    CliError::because(Exit::Failure, "cannot catch signals", error)
}

/// The signal's bit in the mask of those that this process was started to ignore (Linux).
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut masks = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = masks
        .next()
        .map(|mask| u64::from_str_radix(mask.trim(), 16));
    ignored.is_some_and(|mask| mask.is_ok_and(|mask| mask & HANGUP != 0))
}

/// Waits for something to end that runs until it is stopped: the first signal stops it, the second
/// drops it.
pub(super) async fn until_stopped<E>(
    running: impl Future<Output = Result<(), E>>,
    stop: &CancellationToken,
    mut signal: impl AsyncFnMut() -> Exit,
) -> Result<End, E> {
    let mut running = pin!(running);
    tokio::select! {
        ended = &mut running => return ended.map(|()| End::InOrder),
        _ = signal() => stop.cancel(),
    }
    tokio::select! {
        ended = &mut running => ended.map(|()| End::InOrder),
        _ = signal() => Ok(End::Cut),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::{End, until_stopped};
    use crate::cli::Exit;

    #[tokio::test]
    async fn the_first_signal_stops_and_the_second_cuts() {
        let stop = CancellationToken::new();
        let (send, mut signals) = mpsc::unbounded_channel();
        send.send(()).expect("received");
        let mut next = async || {
            signals.recv().await;
            Exit::Terminated
        };
        let orderly = async {
            stop.cancelled().await;
            Ok::<_, Infallible>(())
        };
        let end = until_stopped(orderly, &stop, &mut next).await;
        assert_eq!(end, Ok(End::InOrder));
        for _ in 0..2 {
            send.send(()).expect("received");
        }
        let stuck = async {
            stop.cancelled().await;
            std::future::pending::<Result<(), Infallible>>().await
        };
        assert_eq!(until_stopped(stuck, &stop, next).await, Ok(End::Cut));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_end_of_the_terminal_is_a_signal_where_it_is_asked_for() {
        let mut shutdown = super::Shutdown::listen_and_hang_up().expect("caught");
        let told = std::process::Command::new("sh")
            .args(["-c", &format!("kill -HUP {}", std::process::id())])
            .status();
        assert!(told.expect("a shell").success());
        assert_eq!(shutdown.next().await, Exit::HungUp);
    }
}
