use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::tls::{ServerIdentity, Stream, TlsFault, UpstreamSecurity};

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
    Handshake(TlsFault),
}

/// Opens a connection to an address, and shakes hands where it is to be secured: with whom it must
/// be.
pub(super) async fn connect(
    address: SocketAddr,
    security: Option<(&UpstreamSecurity, &ServerIdentity)>,
    within: Duration,
) -> Result<Stream, ConnectFailure> {
    let connecting = timeout(within, async {
        let connected = TcpStream::connect(address).await;
        let stream = connected.map_err(|cause| ConnectFailure::new(Step::Connection, cause))?;
        // Without it, requests in more than one write wait for the upstream's delayed
        // acknowledgement. A connection that cannot have it is about to fail anyway.
        let _ = stream.set_nodelay(true);
        match security {
            None => Ok(Stream::Clear(stream)),
            Some((security, identity)) => {
                let secured = security.secure(stream, identity).await;
                secured.map_err(ConnectFailure::of_handshake)
            }
        }
    });
    let late = |_| ConnectFailure::new(Step::Connection, io::ErrorKind::TimedOut.into());
    connecting.await.map_err(late)?
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

    pub(super) fn of_handshake(fault: TlsFault) -> Self {
        Self::new(Step::Handshake(fault), io::ErrorKind::InvalidData.into())
    }

    /// Whether the two sides do not trust each other.
    pub(super) fn is_of_tls(&self) -> bool {
        matches!(self.step, Step::Handshake(_))
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
            Step::Handshake(fault) => return fault.fmt(f),
        })
    }
}

impl Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (!self.is_of_tls()).then_some(&self.cause as _)
    }
}
