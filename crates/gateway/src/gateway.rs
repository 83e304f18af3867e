//! The gateway as a whole: listeners, stack, and an orderly end.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use portcullis::{Error, Gatekeeper, KeyManager, Limiter};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::listeners::Listeners;
use crate::operations::{self, Readiness};
use crate::server::{Server, ServerStats};
use crate::setting::InvalidSetting;
use crate::stack::stack;
use crate::telemetry::Metrics;

/// Serves until `shutdown` ends, and then ends in order: readiness is withdrawn, requests in
/// flight finish within the configured time, use is written, and the operations listener closes
/// last.
///
/// # Errors
///
/// [`GatewayError`] for a setting out of range, where a listener fails for good, or where the last
/// counts of use could not be written.
pub async fn serve(
    config: Config,
    manager: KeyManager,
    listeners: Listeners,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    let gate = Gatekeeper::new(manager.clone(), Limiter::default());
    let server = Server::new(listeners.public, config.server.clone())?;
    let stack = stack(&config, &gate)?;
    let readiness = Readiness::new(manager.clone());
    let upkeep = {
        let (metrics, clock) = (metrics.clone(), manager.clock().clone());
        tokio::spawn(async move { metrics.upkeep(&*clock).await })
    };
    let operations = Operations::start(listeners.operations, &readiness, metrics, server.stats());
    if let Ok(address) = server.local_addr() {
        tracing::info!(%address, services = config.services.len(), "listening");
    }

    let report = server
        .run(stack, async {
            shutdown.await;
            tracing::info!("stopping: requests in flight may finish");
            readiness.drain();
        })
        .await;
    let flushed = gate.shutdown().await;
    operations.stop().await?;
    upkeep.abort();
    tracing::info!(cut = report.cut, "stopped");
    Ok(flushed?)
}

/// The operations listener while it runs.
struct Operations {
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<io::Result<()>>,
}

impl Operations {
    fn start(
        listener: TcpListener,
        readiness: &Readiness,
        metrics: Metrics,
        public: ServerStats,
    ) -> Self {
        let state = operations::State {
            readiness: readiness.clone(),
            metrics,
            public,
        };
        let (stop, stopped) = oneshot::channel();
        let served = axum::serve(listener, operations::router(state))
            .with_graceful_shutdown(async { drop(stopped.await) });
        Self {
            stop,
            served: tokio::spawn(served.into_future()),
        }
    }

    /// Stops listening. A scraper that keeps its connection open is not waited for.
    async fn stop(self) -> Result<(), GatewayError> {
        let _ = self.stop.send(());
        let abort = self.served.abort_handle();
        match tokio::time::timeout(std::time::Duration::from_secs(1), self.served).await {
            Ok(Ok(served)) => served.map_err(GatewayError::Listener),
            Ok(Err(_)) | Err(_) => {
                abort.abort();
                Ok(())
            }
        }
    }
}

/// Why the gateway could not serve, or not end as it should.
#[derive(Debug)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting is out of range.
    Setting(InvalidSetting),
    /// The operations listener failed.
    Listener(io::Error),
    /// The last counts of use were not written.
    Flush(Error),
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting(_) => "the configuration has a setting out of range",
            Self::Listener(_) => "the operations listener failed",
            Self::Flush(_) => "the last counts of use were not written",
        })
    }
}

impl StdError for GatewayError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match self {
            Self::Setting(error) => error,
            Self::Listener(error) => error,
            Self::Flush(error) => error,
        })
    }
}

impl From<InvalidSetting> for GatewayError {
    fn from(error: InvalidSetting) -> Self {
        Self::Setting(error)
    }
}

impl From<Error> for GatewayError {
    fn from(error: Error) -> Self {
        Self::Flush(error)
    }
}
