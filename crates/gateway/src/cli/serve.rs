use super::Exit;
use super::global::GlobalArgs;
use super::error::CliError;
use super::shutdown::Shutdown;
use crate::config::Config;
use crate::gateway;
use crate::listeners::Listeners;
use crate::telemetry::Metrics;

/// Runs the gateway until it is told to stop.
pub(super) async fn run(global: &GlobalArgs) -> Result<Exit, CliError> {
    let shutdown = Shutdown::listen()?;
    let config = Config::load(&global.config)?;
    let metrics = Metrics::install()?;
    // The addresses first: whoever starts a second gateway by mistake changes nothing.
    let listeners = Listeners::bind(&config).await?;
    let manager = config.open_manager().await?;
    config.create_missing_services(&manager).await?;
    if config.services.is_empty() {
        tracing::warn!("the configuration has no services: every request is answered with 404");
    }
    gateway::serve(config, manager, listeners, metrics, shutdown.wait()).await?;
    Ok(Exit::Done)
}
