use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;

use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::config::DEFAULT_MAX_HEADERS;
use super::phase::Phase;
use super::service::ConnectionService;
use super::socket::Socket;
use super::{PeerAddr, RequestBody, ServerConfig, ServerStats};

/// The least buffer that hyper takes, and the one that bodies get at least.
const LEAST_BUFFER: usize = 64 * 1024;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Connections {
    http: Builder,
    config: ServerConfig,
    stats: ServerStats,
    /// Once cancelled, connections finish the request that they are at.
    pub(super) stop: CancellationToken,
    /// Once cancelled, connections end at once.
    pub(super) cut: CancellationToken,
}

impl Connections {
    pub(super) fn new(config: ServerConfig, stats: ServerStats) -> Self {
        Self {
            http: builder(&config),
            config,
            stats,
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// Serves one connection until it ends.
    pub(super) async fn serve<S, B>(&self, stream: TcpStream, peer: SocketAddr, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
        B: Body + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let _open = self.stats.opened();
        // Without it, answers in more than one write wait for the client's delayed
        // acknowledgement. A connection that cannot have it is about to fail anyway.
        let _ = stream.set_nodelay(true);
        let phase = Phase::default();
        let socket = Socket::new(stream, phase.clone(), self.stats.clone(), &self.config);
        let service = ConnectionService::new(service, PeerAddr::new(peer), phase);
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(socket), service));
        let ended = tokio::select! {
            biased;
            () = self.cut.cancelled() => return,
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    () = self.cut.cancelled() => return,
                    ended = connection => ended,
                }
            }
        };
        if let Err(error) = ended {
            // Clients that go away, send nonsense or nothing are everyday.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

fn builder(config: &ServerConfig) -> Builder {
    let mut http = Builder::new();
    // The socket keeps the times (see `Socket`). hyper's own timer is set nonetheless, far beyond
    // them: with it hyper looks at the socket again after each answer, which starts the wait there.
    let beyond = (config.header_read_timeout + config.idle_timeout + config.write_timeout) * 2;
    http.timer(TokioTimer::new())
        .header_read_timeout(beyond)
        .half_close(false)
        .max_header_size(config.max_header_size)
        .max_buf_size(config.max_header_size.max(LEAST_BUFFER));
    if config.max_headers != DEFAULT_MAX_HEADERS {
        http.max_headers(config.max_headers);
    }
    http
}
