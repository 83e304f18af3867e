use portcullis::KeyManager;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Exit;
use super::error::CliError;
use super::global::GlobalArgs;
use super::hang_ups::HangUps;
use super::shutdown::{End, Shutdown, until_stopped};
use crate::config::Config;
use crate::gateway;
use crate::life::{Inherited, keep_watchdog_quiet, raise_file_limit, tell_ready, tell_stopping};
use crate::listeners::Listeners;
use crate::reload::Reloads;
use crate::telemetry::Metrics;

/// Runs the gateway until it is told to stop; a second signal cuts what is in flight. SIGHUP has it
/// read its configuration again, and open its access log anew.
pub(super) async fn run(global: &GlobalArgs, inherited: Inherited) -> Result<Exit, CliError> {
    let mut shutdown = Shutdown::listen()?;
    let hang_ups = HangUps::listen()?;
    let reading = Config::read(&global.config);
    let reloads = Reloads::of(&global.config, &reading).heard_by_service_manager();
    let config = reading.into_config()?;
    let metrics = Metrics::install()?;
    raise_file_limit(config.server.max_connections);
    let (listeners, manager) = tokio::select! {
        biased;
        ready = prepare(&config, inherited) => ready?,
        _ = shutdown.next() => return Ok(Exit::Done),
    };
    let stop = CancellationToken::new();
    let stopped = {
        let stop = stop.clone();
        // It is waited for where requests are taken, and no sooner.
        async move {
            tell_ready("serving");
            stop.cancelled().await;
            tell_stopping();
        }
    };
    let _watchdog = AbortOnDropHandle::new(tokio::spawn(keep_watchdog_quiet()));
    let _forwarding = hang_ups.forward(reloads.handle());
    let gateway = gateway::serve_and_reload(
        config,
        reloads,
        manager.clone(),
        listeners,
        metrics,
        stopped,
    );
    let end = until_stopped(gateway, &stop, async || shutdown.next().await).await?;
    if end == End::Cut {
        tracing::warn!("told to stop twice: what was in flight is cut");
        manager.shutdown().await?;
    }
    Ok(Exit::Done)
}

/// The addresses first: whoever starts a second gateway by mistake changes nothing.
async fn prepare(
    config: &Config,
    inherited: Inherited,
) -> Result<(Listeners, KeyManager), CliError> {
    let listeners = Listeners::bind_others(config, inherited).await?;
    let is_new = !config.has_database();
    let manager = config.open_manager().await?;
    if is_new {
        // A wrong mount or a mistyped path looks like this too.
        let path = std::path::absolute(&config.store_path);
        let path = path.as_deref().unwrap_or(&config.store_path);
        tracing::warn!(
            path = %path.display(),
            "the database is new: it knows no key, and every request is refused until one is created"
        );
    }
    config.create_missing_services(&manager).await?;
    if config.routes().is_empty() {
        tracing::warn!("the configuration has no routes: every request is answered with 404");
    }
    Ok((listeners, manager))
}
