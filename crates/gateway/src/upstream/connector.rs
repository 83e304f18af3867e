use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection that did not come about. It keeps no address: those of the upstreams are not for
/// the log that a client's request writes to.
#[derive(Debug)]
pub(super) struct ConnectFailure {
    step: Step,
    cause: io::Error,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Lookup,
    Connection,
}

/// Opens a connection to an address.
pub(super) async fn connect(
    address: SocketAddr,
    within: Duration,
) -> Result<TcpStream, ConnectFailure> {
    let connected = timeout(within, TcpStream::connect(address)).await;
    let late = |_| Err(io::ErrorKind::TimedOut.into());
    let stream = connected
        .unwrap_or_else(late)
        .map_err(|cause| ConnectFailure::new(Step::Connection, cause))?;
    // Without it, requests in more than one write wait for the upstream's delayed
    // acknowledgement. A connection that cannot have it is about to fail anyway.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

impl ConnectFailure {
    /// There is no address.
    pub(super) fn of_lookup(kind: io::ErrorKind) -> Self {
        Self::new(Step::Lookup, kind.into())
    }

    /// Of the cause only what names no address is kept.
    fn new(step: Step, cause: io::Error) -> Self {
        let cause = match cause.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => cause.kind().into(),
        };
        Self { step, cause }
    }

    pub(super) fn is_timeout(&self) -> bool {
        self.cause.kind() == io::ErrorKind::TimedOut
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.step {
            Step::Lookup => "its name was not found",
            Step::Connection => "no connection came about",
        })
    }
}

impl Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
