use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::config::DEFAULT_MAX_HEADERS;
use super::handle::Allowed;
use super::handshake::{Handshakes, linger};
use super::phase::Phase;
use super::secure::Client;
use super::service::ConnectionService;
use super::sniff::{Protocol, Sniffed};
use super::socket::Socket;
use super::stats::TimedOut;
use super::transport::Transport;
use super::tunnel::Tunnel;
use super::{PeerAddr, RequestBody, Secured, ServerConfig, ServerStats, http2};
use crate::tls::{Stream, TlsFault};

/// The least buffer that hyper takes, and the one that bodies get at least.
const LEAST_BUFFER: usize = 64 * 1024;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) stats: ServerStats,
    /// Of those connections that begin with one.
    handshakes: Option<Handshakes>,
    /// Once cancelled, answers tell their clients that there is no further request.
    pub(super) stop: CancellationToken,
    /// Once cancelled, connections without a request end.
    pub(super) let_go: CancellationToken,
    /// Once cancelled, connections end at once.
    pub(super) cut: CancellationToken,
    /// How many of those had a request.
    pub(super) busy_cut: AtomicUsize,
}

/// Which of the listeners a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Clear,
    Tls,
}

/// How a connection came to its end.
#[derive(Debug)]
enum Ended {
    Http(hyper::Result<()>),
    RequestCut,
    ServerCut,
}

impl Connections {
    pub(super) fn new(stats: ServerStats, handshakes: Option<Handshakes>) -> Self {
        Self {
            handshakes,
            stats,
            stop: CancellationToken::new(),
            let_go: CancellationToken::new(),
            cut: CancellationToken::new(),
            busy_cut: AtomicUsize::new(0),
        }
    }

    /// Serves one connection until it ends.
    pub(super) async fn serve<S, B>(
        &self,
        allowed: &Allowed,
        stream: TcpStream,
        entry: Entry,
        peer: SocketAddr,
        service: S,
    ) where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let config = &allowed.config;
        let _open = self.stats.opened();
        let opened = Instant::now();
        // Without it, answers in more than one write wait for the client's delayed
        // acknowledgement. A connection that cannot have it is about to fail anyway.
        let _ = stream.set_nodelay(true);
        let stream = match entry {
            Entry::Clear => Stream::Clear(stream),
            // Boxed: it is large, and over long before the connection is.
            Entry::Tls => match Box::pin(self.shake_hands(allowed, stream, opened)).await {
                Some(stream) => stream,
                None => return,
            },
        };
        let client = Client {
            peer: PeerAddr::new(peer),
            secured: stream.tls_version().map(Secured::new),
        };
        let mut stream = Sniffed::new(stream);
        match (
            self.protocol(config, &mut stream, opened).await,
            &config.http2,
        ) {
            // Boxed: it is larger than the other, which is what most clients speak here.
            (Some(Protocol::Http2), Some(http2)) => {
                Box::pin(http2::serve(
                    self, config, http2, stream, client, service, opened,
                ))
                .await;
            }
            (Some(_), _) => {
                self.serve_http1(allowed, stream, client, service, opened)
                    .await;
            }
            (None, _) => stream.say_goodbye(),
        }
    }

    /// Shakes hands with a client in the time that it has for its first request; nothing where that
    /// comes to nothing.
    async fn shake_hands(
        &self,
        allowed: &Allowed,
        stream: TcpStream,
        opened: Instant,
    ) -> Option<Stream> {
        let (handshakes, tls) = self.handshakes.as_ref().zip(allowed.tls.as_ref())?;
        let shaken = tokio::select! {
            biased;
            () = self.cut.cancelled() => return None,
            shaken = handshakes.shake(tls, stream) => shaken,
            () = self.let_go.cancelled() => return None,
            () = sleep_until(opened + allowed.config.header_read_timeout) => {
                self.stats.timed_out(TimedOut::Head);
                handshakes.failed(TlsFault::Timeout);
                return None;
            }
        };
        match shaken {
            Ok(stream) => Some(stream),
            Err((fault, stream)) => {
                handshakes.failed(fault);
                tokio::select! {
                    biased;
                    () = self.cut.cancelled() => {}
                    () = linger(stream) => {}
                }
                None
            }
        }
    }

    /// What the client speaks; nothing where it is gone, says nothing for too long, or speaks
    /// something else than was agreed on.
    async fn protocol(
        &self,
        config: &ServerConfig,
        stream: &mut Sniffed<Stream>,
        opened: Instant,
    ) -> Option<Protocol> {
        let seen = self.seen(config, stream, opened).await?;
        match (stream.get_ref(), seen) {
            (Stream::Clear(_), seen) => Some(seen),
            // RFC 9113 section 3.2: in TLS it is agreed on, or not spoken.
            (secured, seen) if secured.agreed() == Some(b"h2") => {
                (seen == Protocol::Http2).then_some(seen)
            }
            _ => Some(Protocol::Http1),
        }
    }

    /// What the first octets are of.
    async fn seen<T>(
        &self,
        config: &ServerConfig,
        stream: &mut Sniffed<T>,
        opened: Instant,
    ) -> Option<Protocol>
    where
        T: Transport,
    {
        if config.http2.is_none() {
            return Some(Protocol::Http1);
        }
        tokio::select! {
            biased;
            () = self.cut.cancelled() => return None,
            protocol = stream.protocol() => return protocol.ok(),
            () = self.let_go.cancelled() => {}
            () = sleep_until(opened + config.header_read_timeout) => {
                if !stream.has_begun() {
                    self.stats.timed_out(TimedOut::Head);
                }
            }
        }
        // The rest of what has begun is waited for, and answered where it does not come, there.
        stream.has_begun().then_some(Protocol::Http1)
    }

    async fn serve_http1<T, S, B>(
        &self,
        allowed: &Allowed,
        stream: T,
        client: Client,
        service: S,
        opened: Instant,
    ) where
        T: Transport,
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
        B: Body + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let phase = Phase::default();
        let (stats, config) = (self.stats.clone(), &allowed.config);
        let socket = Socket::new(stream, phase.clone(), stats, config, opened);
        let most = u64::try_from(config.max_requests).unwrap_or(u64::MAX);
        let service = ConnectionService::new(service, client, phase.clone(), most);
        let mut http = allowed
            .http1
            .serve_connection(TokioIo::new(socket), service);
        let ended = self.carry(&mut http, &phase).await;
        let awaits_head = phase.awaits_head();
        let parts = http.into_parts();
        let socket = parts.io.into_inner();
        if let (Some(agreed), Ended::Http(Ok(()))) = (phase.take_tunnel(), &ended) {
            let (stream, held) = socket.into_parts();
            if !parts.read_buf.is_empty() {
                // They would be missing from what the upstream gets.
                tracing::error!("octets of a tunnel are where none may be");
                stream.reset_when_dropped();
                return;
            }
            // Boxed: most connections never come to this.
            Box::pin(self.carry_tunnel(Tunnel::new(stream, held, agreed), &phase)).await;
            return;
        }
        let is_busy = !awaits_head || socket.has_unsent();
        let mut stream = socket.into_inner();
        if self.must_reset(&ended, is_busy, &phase) {
            stream.reset_when_dropped();
        } else if !is_busy && !phase.has_broken_off() {
            // It was kept for nothing. Where an answer broke off, its client is told nothing: that
            // is how it knows.
            stream.say_goodbye();
        }
    }

    /// Serves until hyper, the one request or the whole server is at its end.
    async fn carry<C>(&self, http: &mut C, phase: &Phase) -> Ended
    where
        C: Future<Output = hyper::Result<()>> + Unpin,
    {
        // The signal to stop may have come before hyper's first look at a request that is there.
        if self.stop.is_cancelled() {
            phase.stop();
        }
        // The order matters: a request that hyper begins in this poll, and that is cut before the
        // next, is found by the look behind it. There may never be a next.
        let mut carried = pin!(poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut *http).poll(cx) {
                return Poll::Ready(Ended::Http(ended));
            }
            phase.poll_cut(cx).map(|()| Ended::RequestCut)
        }));
        for (token, enter) in [
            (&self.stop, Phase::stop as fn(&Phase)),
            (&self.let_go, Phase::let_go),
        ] {
            tokio::select! {
                biased;
                () = self.cut.cancelled() => return Ended::ServerCut,
                ended = &mut carried => return ended,
                () = token.cancelled() => enter(phase),
            }
        }
        tokio::select! {
            biased;
            () = self.cut.cancelled() => Ended::ServerCut,
            ended = carried => ended,
        }
    }

    /// Whether the client must be told by a reset that what it has is not the whole, and that
    /// nothing more comes. One that waits in its kernel to be read is lost by that, so it is not
    /// done where the client knows how much it lacks.
    fn must_reset(&self, ended: &Ended, is_busy: bool, phase: &Phase) -> bool {
        match ended {
            Ended::Http(Ok(())) => false,
            Ended::Http(Err(error)) => {
                // Clients that go away, send nonsense or nothing are everyday.
                tracing::debug!(%error, "a connection ended early");
                if is_busy {
                    phase.break_off();
                }
                phase.is_truncated()
            }
            Ended::RequestCut => {
                self.stats.request_cut();
                true
            }
            Ended::ServerCut if is_busy => {
                self.busy_cut.fetch_add(1, Ordering::Relaxed);
                phase.break_off();
                phase.is_truncated()
            }
            Ended::ServerCut => false,
        }
    }
}

/// How HTTP/1 is spoken on connections that are allowed this.
pub(super) fn builder(config: &ServerConfig) -> Builder {
    let mut http = Builder::new();
    // The socket keeps the times (see `Socket`). hyper's own timer is set nonetheless, far beyond
    // them: with it hyper looks at the socket again after each answer, which starts the wait there.
    let beyond = (config.header_read_timeout + config.idle_timeout + config.write_timeout) * 2;
    http.timer(TokioTimer::new())
        .header_read_timeout(beyond)
        .half_close(false)
        .max_header_size(config.max_header_size)
        .max_buf_size(config.max_header_size.max(LEAST_BUFFER));
    // Fewer are counted before hyper sees them: hyper's refusal is not the service's, and would
    // meet the substitute as well.
    if config.max_headers > DEFAULT_MAX_HEADERS {
        http.max_headers(config.max_headers);
    }
    http
}
