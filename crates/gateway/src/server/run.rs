use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::accept::Acceptor;
use super::arrivals::Arrivals;
use super::connection::{Connections, Entry};
use super::handshake::Handshakes;
use super::{RequestBody, ServerConfig, ServerHandle, ServerStats};
use crate::setting::InvalidSetting;
use crate::tls::ServerTls;

/// A listener with its settings, ready to serve.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    handle: ServerHandle,
    stats: ServerStats,
    tls: Option<TcpListener>,
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that were still busy when the time to finish was over, and were cut.
    pub cut: usize,
}

impl Server {
    /// A server on a listener that is bound already.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] for a configuration that fails [`ServerConfig::check`].
    pub fn new(listener: TcpListener, config: ServerConfig) -> Result<Self, InvalidSetting> {
        config.check()?;
        Ok(Self {
            listener,
            handle: ServerHandle::new(config),
            stats: ServerStats::default(),
            tls: None,
        })
    }

    /// The same with a second listener, whose connections begin with a handshake. Both share what
    /// the configuration allows, and its time for a first request is also that for the handshake.
    #[must_use]
    pub fn with_tls(self, listener: TcpListener, tls: ServerTls) -> Self {
        Self {
            handle: self.handle.with_tls(tls),
            tls: Some(listener),
            ..self
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// A handle to what it allows its clients.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// A handle to what it counts.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.stats.clone()
    }

    /// Serves until `shutdown` is ready; then takes no further connection, lets the requests finish
    /// and has their answers say that their connections close, closes those without a request after
    /// [`ServerConfig::drain_idle`], and cuts what is left after
    /// [`ServerConfig::shutdown_timeout`].
    ///
    /// The service finds its client's address in the request's extensions, as a
    /// [`PeerAddr`](super::PeerAddr). What came instead of a request is handed to it as well, so
    /// that it has its answer like all else: as `GET *` with a [`HeadFault`](super::HeadFault) in
    /// the extensions, which says what the answer must be. The connection ends with it; in HTTP/2,
    /// where the method stays, it goes on.
    ///
    /// To be called within a tokio runtime. Dropping the future cuts every connection at once.
    pub async fn run<S, B>(self, service: S, shutdown: impl Future<Output = ()>) -> ShutdownReport
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let handle = self.handle;
        let arrivals = Arc::new(Arrivals::new(self.stats.clone()));
        let handshakes = self.tls.as_ref().map(|_| Handshakes::new());
        let connections = Arc::new(Connections::new(self.stats.clone(), handshakes));
        let _cut = connections.cut.clone().drop_guard();
        let mut acceptors = Acceptors {
            clear: Acceptor::new(self.listener, self.stats.clone()),
            tls: self.tls.map(|listener| Acceptor::new(listener, self.stats)),
        };
        let tasks = TaskTracker::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let next = async {
                let place = handle.room.place().await;
                (place, acceptors.next().await)
            };
            let (place, (entry, (mut stream, peer))) = tokio::select! {
                biased;
                () = &mut shutdown => break,
                next = next => next,
            };
            let (connections, service) = (Arc::clone(&connections), service.clone());
            let (allowed, arrivals) = (handle.current(), Arc::clone(&arrivals));
            tasks.spawn(async move {
                let _place = place;
                let arrived = tokio::select! {
                    biased;
                    () = connections.cut.cancelled() => None,
                    arrived = arrivals.admit(&allowed.config, &mut stream, peer) => arrived,
                };
                if let Some(arrived) = arrived {
                    let peer = arrived.peer;
                    connections
                        .serve(&allowed, stream, entry, peer, service)
                        .await;
                }
            });
        }
        drop(acceptors);
        let grace = Grace::new(&handle.config());
        finish(&connections, tasks, grace).await
    }
}

/// The listeners of one server.
struct Acceptors {
    clear: Acceptor,
    tls: Option<Acceptor>,
}

impl Acceptors {
    /// The next connection, and where it came to. Nothing is lost if this is dropped before it is
    /// ready.
    async fn next(&mut self) -> (Entry, (TcpStream, SocketAddr)) {
        let Some(tls) = &mut self.tls else {
            return (Entry::Clear, self.clear.next().await);
        };
        tokio::select! {
            clear = self.clear.next() => (Entry::Clear, clear),
            tls = tls.next() => (Entry::Tls, tls),
        }
    }
}

/// How long the end may take.
#[derive(Clone, Copy)]
struct Grace {
    /// For connections without a request.
    idle: Duration,
    /// For the others, from then on.
    busy: Duration,
}

impl Grace {
    fn new(config: &ServerConfig) -> Self {
        let idle = config.drain_idle.min(config.shutdown_timeout);
        Self {
            idle,
            busy: config.shutdown_timeout.saturating_sub(idle),
        }
    }
}

async fn finish(connections: &Connections, tasks: TaskTracker, grace: Grace) -> ShutdownReport {
    tasks.close();
    for (token, time) in [
        (&connections.stop, grace.idle),
        (&connections.let_go, grace.busy),
    ] {
        token.cancel();
        if timeout(time, tasks.wait()).await.is_ok() {
            return ShutdownReport { cut: 0 };
        }
    }
    connections.cut.cancel();
    tasks.wait().await;
    let cut = connections.busy_cut.load(Ordering::Relaxed);
    if cut > 0 {
        tracing::warn!(cut, "connections were cut at the end of the time to finish");
    }
    ShutdownReport { cut }
}
