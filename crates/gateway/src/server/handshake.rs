use std::time::Duration;

use metrics::{Counter, counter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::telemetry::names;
use crate::tls::{Counted, ServerTls, Stream, TlsFault};

/// How long, and how many octets, a connection takes of a client whose handshake failed, so that it
/// reads why: what it sends meanwhile would reset the connection otherwise.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_OCTETS: usize = 64 * 1024;

/// The handshakes of one listener.
///
/// Counts `portcullis_tls_handshakes_total{version, protocol}` and
/// `portcullis_tls_handshake_failures_total{kind}`, by the recorder that is installed when it is
/// made.
#[derive(Debug)]
pub(super) struct Handshakes {
    done: [(Agreed, Counter); 6],
    failed: [(TlsFault, Counter); TlsFault::ALL.len()],
}

/// What client and gateway came to speak: a version of TLS, and a protocol in it.
type Agreed = (&'static str, &'static str);

impl Handshakes {
    pub(super) fn new() -> Self {
        let all = [
            ("1.2", "none"),
            ("1.2", "http/1.1"),
            ("1.2", "h2"),
            ("1.3", "none"),
            ("1.3", "http/1.1"),
            ("1.3", "h2"),
        ];
        let done = |agreed: Agreed| {
            let (version, protocol) = agreed;
            let name = names::TLS_HANDSHAKES;
            (
                agreed,
                counter!(name, "version" => version, "protocol" => protocol),
            )
        };
        let failed = |fault: TlsFault| {
            let name = names::TLS_HANDSHAKE_FAILURES;
            (fault, counter!(name, "kind" => fault.as_str()))
        };
        Self {
            done: all.map(done),
            failed: TlsFault::ALL.map(failed),
        }
    }

    /// Shakes hands. How long that takes is up to whoever waits.
    ///
    /// # Errors
    ///
    /// Why it failed, and the socket, which has been told.
    pub(super) async fn shake(
        &self,
        tls: &ServerTls,
        socket: TcpStream,
    ) -> Result<Stream, (TlsFault, TcpStream)> {
        let acceptor = TlsAcceptor::from(tls.config());
        let accepted = acceptor.accept(Counted::new(socket)).into_fallible().await;
        match accepted {
            Ok(stream) => {
                let stream = Stream::Tls(Box::new(stream.into()));
                increment(&self.done, &agreed(&stream));
                Ok(stream)
            }
            Err((error, socket)) => Err((TlsFault::of(&error), socket.into_inner())),
        }
    }

    /// Counts a handshake that failed. Strangers fail every day, so the log is that of who debugs.
    pub(super) fn failed(&self, fault: TlsFault) {
        tracing::debug!(kind = fault.as_str(), "a handshake failed: {fault}");
        increment(&self.failed, &fault);
    }
}

/// Sends no more, and discards what still comes, until the client has seen why.
pub(super) async fn linger(mut socket: TcpStream) {
    let reading = async {
        let mut scratch = [0; 4096];
        let mut discarded = 0;
        socket.shutdown().await?;
        while discarded < LINGER_OCTETS {
            match socket.read(&mut scratch).await? {
                0 => break,
                octets => discarded += octets,
            }
        }
        std::io::Result::Ok(())
    };
    // Whatever comes of it, the connection ends.
    let _ = timeout(LINGER, reading).await;
}

fn agreed(stream: &Stream) -> Agreed {
    let protocol = match stream.agreed() {
        Some(b"h2") => "h2",
        Some(b"http/1.1") => "http/1.1",
        _ => "none",
    };
    (stream.tls_version().unwrap_or_default(), protocol)
}

fn increment<K: PartialEq>(counters: &[(K, Counter)], key: &K) {
    if let Some((_, counter)) = counters.iter().find(|(counted, _)| counted == key) {
        counter.increment(1);
    }
}
