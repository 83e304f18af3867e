use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::accept::Acceptor;
use super::connection::Connections;
use super::{RequestBody, ServerConfig, ServerStats};
use crate::setting::InvalidSetting;

/// A listener with its settings, ready to serve.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    config: ServerConfig,
    stats: ServerStats,
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
            config,
            stats: ServerStats::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// A handle to what it counts.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.stats.clone()
    }

    /// Serves until `shutdown` is ready; then takes no further connection, closes those without a
    /// request, lets the others finish theirs, and cuts what is left after
    /// [`ServerConfig::shutdown_timeout`].
    ///
    /// The service finds its client's address in the request's extensions, as a
    /// [`PeerAddr`](super::PeerAddr). To be called within a tokio runtime. Dropping the future cuts
    /// every connection at once.
    pub async fn run<S, B>(self, service: S, shutdown: impl Future<Output = ()>) -> ShutdownReport
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let grace = self.config.shutdown_timeout;
        let room = Arc::new(Semaphore::new(self.config.max_connections));
        let connections = Arc::new(Connections::new(self.config, self.stats.clone()));
        let _cut = connections.cut.clone().drop_guard();
        let mut acceptor = Acceptor::new(self.listener, self.stats);
        let tasks = TaskTracker::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let next = async {
                let permit = Arc::clone(&room).acquire_owned().await;
                (permit, acceptor.next().await)
            };
            let (permit, (stream, peer)) = tokio::select! {
                biased;
                () = &mut shutdown => break,
                next = next => next,
            };
            let (connections, service) = (Arc::clone(&connections), service.clone());
            tasks.spawn(async move {
                let _permit = permit;
                connections.serve(stream, peer, service).await;
            });
        }
        drop(acceptor);
        finish(&connections, tasks, grace).await
    }
}

async fn finish(connections: &Connections, tasks: TaskTracker, grace: Duration) -> ShutdownReport {
    tasks.close();
    connections.stop.cancel();
    if timeout(grace, tasks.wait()).await.is_ok() {
        return ShutdownReport { cut: 0 };
    }
    let cut = tasks.len();
    connections.cut.cancel();
    tasks.wait().await;
    tracing::warn!(cut, "connections were cut at the end of the time to finish");
    ShutdownReport { cut }
}
