use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::tls::{Offer, ServerIdentity, Stream, TlsFault, UpstreamSecurity};

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
    /// What came about is no connection of HTTP/2, where nothing else is wanted.
    Protocol,
    /// It speaks no HTTP/1.1, where nothing else is wanted.
    NoHttp1,
}

/// Opens a connection to an address, and shakes hands where it is to be secured: with whom it must
/// be.
pub(super) async fn connect(
    address: SocketAddr,
    security: Option<(&UpstreamSecurity, &ServerIdentity)>,
    offer: Offer,
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
                let secured = security.secure(stream, identity, offer).await;
                secured.map_err(ConnectFailure::of_handshake)
            }
        }
    });
    connecting.await.map_err(|_| ConnectFailure::late())?
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

    pub(super) fn of_protocol() -> Self {
        Self::new(Step::Protocol, io::ErrorKind::InvalidData.into())
    }

    /// The same where HTTP/1.1 alone was offered: whoever did not want it is told so.
    pub(super) fn without_http1(self) -> Self {
        match self.step {
            Step::Handshake(TlsFault::NoProtocol) => Self {
                step: Step::NoHttp1,
                ..self
            },
            _ => self,
        }
    }

    /// It is not asked in HTTP/1.1.
    pub(super) fn never_http1() -> Self {
        Self::new(Step::NoHttp1, io::ErrorKind::Unsupported.into())
    }

    /// Whether it speaks no HTTP/1.1.
    pub(super) fn is_without_http1(&self) -> bool {
        matches!(self.step, Step::NoHttp1)
    }

    pub(super) fn late() -> Self {
        Self::new(Step::Connection, io::ErrorKind::TimedOut.into())
    }

    pub(super) fn broken(cause: io::Error) -> Self {
        Self::new(Step::Connection, cause)
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
            Step::Protocol => "it does not speak HTTP/2",
            Step::NoHttp1 => "it does not speak HTTP/1.1, in which alone protocols are changed",
            Step::Handshake(fault) => return fault.fmt(f),
        })
    }
}

impl Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let says_all = matches!(
            self.step,
            Step::Handshake(_) | Step::Protocol | Step::NoHttp1
        );
        (!says_all).then_some(&self.cause as _)
    }
}
