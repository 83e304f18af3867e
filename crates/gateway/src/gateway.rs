//! The gateway as a whole: listeners, stack, and an orderly end.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use portcullis::{Error, Gatekeeper, KeyManager, Limiter, LimiterConfig};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::access::AccessLog;
use crate::config::Config;
use crate::listeners::Listeners;
use crate::live::LiveStreams;
use crate::operations::{self, Readiness};
use crate::reload::{ConfigStatus, Reloader, Reloads, Target};
use crate::server::{Server, ServerConfig};
use crate::setting::InvalidSetting;
use crate::spans;
use crate::stack::stack;
use crate::telemetry::Metrics;
use crate::tls::{ServerTls, TlsError};
use crate::upstream::InvalidUpstream;

/// Serves until `shutdown` ends, and then ends in order: readiness is withdrawn, requests in
/// flight finish within the configured time, use is written, and the operations listener closes
/// last.
///
/// # Errors
///
/// [`GatewayError`] for a setting out of range, where the access log cannot be opened, or where the
/// last counts of use could not be written.
pub async fn serve(
    config: Config,
    manager: KeyManager,
    listeners: Listeners,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    run(config, None, manager, listeners, metrics, shutdown).await
}

/// The same, with a configuration that may change meanwhile. Whoever has it read again has the
/// access log opened anew as well.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_and_reload(
    config: Config,
    reloads: Reloads,
    manager: KeyManager,
    listeners: Listeners,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    run(config, Some(reloads), manager, listeners, metrics, shutdown).await
}

async fn run(
    config: Config,
    reloads: Option<Reloads>,
    manager: KeyManager,
    listeners: Listeners,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    let limits = LimiterConfig::default().capacity(config.rate_capacity);
    let gate = Gatekeeper::new(manager.clone(), Limiter::new(limits));
    let tls = config.tls.as_ref().map(ServerTls::build).transpose()?;
    let server = Server::new(listeners.public, config.server.clone())?;
    let server = match listeners.tls.zip(tls) {
        Some((listener, tls)) => {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, "listening in TLS");
            }
            server.with_tls(listener, tls)
        }
        None => server,
    };
    let live = LiveStreams::new(manager.clone());
    let (spans, export) = config.otlp.as_ref().map(spans::open).transpose()?.unzip();
    let access = AccessLog::new(
        Arc::clone(manager.clock()),
        config.access_log.as_ref(),
        spans,
    )
    .map_err(GatewayError::AccessLog)?;
    let allowed = server.handle();
    let target = Target::new(
        &config,
        gate.clone(),
        live.clone(),
        allowed.clone(),
        access.clone(),
    )?;
    let stack = stack(target.stamp(), access.clone(), target.router());
    let status = ConfigStatus::new(manager.clock().now().wall());
    let readiness = Readiness::new(manager.clone())
        .with_config(status.clone())
        .with_upstreams(target.upstreams());
    // Until the last request is served, and also where nobody waits for this future any more.
    let watched = CancellationToken::new();
    let watching = watched.clone().drop_guard();
    let reloading = reloads.map(|reloads| {
        let reloader = Reloader::new(reloads, &config, target, manager.clone(), status);
        tokio::spawn(reloader.run(watched.clone()))
    });
    let watch = tokio::spawn(live.watch(watched));
    let upkeep = {
        let (metrics, clock) = (metrics.clone(), manager.clock().clone());
        tokio::spawn(async move { metrics.upkeep(&*clock).await })
    };
    let state = operations::State {
        readiness: readiness.clone(),
        metrics,
        public: server.stats(),
        access: access.clone(),
    };
    let operations = Server::new(listeners.operations, operations_config())?;
    let (stop, stopped) = oneshot::channel::<()>();
    let operations = operations.run(operations::router(state), async { drop(stopped.await) });
    let operations = tokio::spawn(operations);
    if let Ok(address) = server.local_addr() {
        tracing::info!(%address, routes = config.routes().len(), "listening");
    }

    let report = server
        .run(stack, async {
            shutdown.await;
            tracing::info!("stopping: requests in flight may finish");
            readiness.drain();
            access.drain(allowed.config().shutdown_timeout);
        })
        .await;
    drop(watching);
    let _ = watch.await;
    if let Some(reloading) = reloading {
        let _ = reloading.await;
    }
    let flushed = gate.shutdown().await;
    // Each has its own bound, and none has to wait for the other.
    let spans = async {
        if let Some(export) = export {
            export.close().await;
        }
    };
    tokio::join!(access.close(), spans);
    drop(stop);
    // It ends by itself a second later at most; that it panicked is nothing to wait for.
    let _ = operations.await;
    upkeep.abort();
    tracing::info!(cut = report.cut, "stopped");
    Ok(flushed?)
}

/// What the operations listener allows its clients: few, on few connections, for whom nobody waits
/// long at the end.
fn operations_config() -> ServerConfig {
    ServerConfig {
        max_connections: 256,
        shutdown_timeout: Duration::from_secs(1),
        drain_idle: Duration::ZERO,
        ..ServerConfig::default()
    }
}

/// Why the gateway could not serve, or not end as it should.
#[derive(Debug)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting is out of range.
    Setting(InvalidSetting),
    /// A certificate, a key or a root cannot be used.
    Tls(TlsError),
    /// The last counts of use were not written.
    Flush(Error),
    /// The access log cannot be opened.
    AccessLog(io::Error),
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting(_) => "the configuration has a setting out of range",
            Self::Tls(_) => "the configuration has a certificate that cannot be used",
            Self::Flush(_) => "the last counts of use were not written",
            Self::AccessLog(_) => "the access log cannot be opened",
        })
    }
}

impl StdError for GatewayError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match self {
            Self::Setting(error) => error,
            Self::Tls(error) => error,
            Self::Flush(error) => error,
            Self::AccessLog(error) => error,
        })
    }
}

impl From<InvalidSetting> for GatewayError {
    fn from(error: InvalidSetting) -> Self {
        Self::Setting(error)
    }
}

impl From<TlsError> for GatewayError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<InvalidUpstream> for GatewayError {
    fn from(error: InvalidUpstream) -> Self {
        match error {
            InvalidUpstream::Setting(error) => Self::Setting(error),
            InvalidUpstream::Tls(error) => Self::Tls(error),
        }
    }
}

impl From<Error> for GatewayError {
    fn from(error: Error) -> Self {
        Self::Flush(error)
    }
}
