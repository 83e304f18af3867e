use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::uri::Authority;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::lookup::Lookup;
use crate::tls::{ServerIdentity, Stream, TlsFault, UpstreamSecurity};

/// Opens connections, within a time that covers the look-up of the name and all its addresses.
#[derive(Debug)]
pub(super) struct Connector {
    target: Target,
    timeout: Duration,
    security: Option<(UpstreamSecurity, ServerIdentity)>,
}

#[derive(Debug)]
enum Target {
    Address(SocketAddr),
    Name(Lookup),
}

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

impl Connector {
    /// In TLS where there is something to secure it with.
    pub(super) fn new(
        authority: &Authority,
        timeout: Duration,
        security: Option<(UpstreamSecurity, ServerIdentity)>,
    ) -> Self {
        let usual = if security.is_some() { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(usual);
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let target = match bare.parse::<IpAddr>() {
            Ok(ip) => Target::Address(SocketAddr::new(ip, port)),
            Err(_) => Target::Name(Lookup::new(host, port)),
        };
        Self {
            target,
            timeout,
            security,
        }
    }

    /// Opens a connection, and shakes hands where it is to be in TLS.
    pub(super) async fn connect(&self) -> Result<Stream, ConnectFailure> {
        let deadline = Instant::now() + self.timeout;
        let connecting = timeout_at(deadline, async {
            let socket = self.open(deadline).await?;
            // Without it, requests in more than one write wait for the upstream's delayed
            // acknowledgement. A connection that cannot have it is about to fail anyway.
            let _ = socket.set_nodelay(true);
            match &self.security {
                None => Ok(Stream::Clear(socket)),
                Some((security, host)) => {
                    let secured = security.secure(socket, host).await;
                    secured.map_err(ConnectFailure::of_handshake)
                }
            }
        });
        let late = |_| ConnectFailure::new(Step::Connection, io::ErrorKind::TimedOut.into());
        connecting.await.map_err(late)?
    }

    async fn open(&self, deadline: Instant) -> Result<TcpStream, ConnectFailure> {
        match &self.target {
            Target::Address(address) => open_one(*address, deadline).await,
            Target::Name(lookup) => {
                let found = lookup.addresses().await;
                let found = found.map_err(|kind| ConnectFailure::new(Step::Lookup, kind.into()))?;
                open_first(&found, deadline).await
            }
        }
    }
}

/// Tries one address after the other. Each has its share of the time that is left, so that one
/// which is silent leaves time for the others. The first failure is the one to tell.
async fn open_first(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, ConnectFailure> {
    let mut first = None;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let now = Instant::now();
        let shares = u32::try_from(left).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(now) / shares;
        match open_one(*address, now + share).await {
            Ok(stream) => return Ok(stream),
            Err(failure) => first = first.or(Some(failure)),
        }
    }
    Err(first.unwrap_or_else(|| ConnectFailure::new(Step::Lookup, io::ErrorKind::NotFound.into())))
}

async fn open_one(address: SocketAddr, deadline: Instant) -> Result<TcpStream, ConnectFailure> {
    match timeout_at(deadline, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(cause)) => Err(ConnectFailure::new(Step::Connection, cause)),
        Err(_) => {
            let cause = io::ErrorKind::TimedOut.into();
            Err(ConnectFailure::new(Step::Connection, cause))
        }
    }
}

impl ConnectFailure {
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

#[cfg(test)]
mod tests {
    use std::time::Instant as Begun;

    use tokio::net::TcpSocket;

    use super::*;
    use crate::wire::{LONG, listener};

    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next() {
        // Its queue is full: the kernel takes no more connections, and refuses none.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = socket.local_addr().unwrap();
        let _full = socket.listen(1).unwrap();
        let patience = Duration::from_millis(200);
        let mut waiting = Vec::new();
        while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(silent)).await {
            waiting.push(stream.unwrap());
        }
        let (_listener, good) = listener().await;
        let begin = Begun::now();
        let deadline = Instant::now() + patience * 4;
        let stream = open_first(&[silent, good], deadline).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(begin.elapsed() >= patience && begin.elapsed() < LONG / 2);
    }

    #[test]
    fn an_address_is_not_looked_up() {
        for (authority, address) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]", "[::1]:80"),
            ("[::1]:81", "[::1]:81"),
        ] {
            let connector = Connector::new(&authority.parse().unwrap(), LONG, None);
            let Target::Address(found) = connector.target else {
                panic!("{authority} is looked up");
            };
            assert_eq!(found, address.parse().unwrap());
        }
    }
}
