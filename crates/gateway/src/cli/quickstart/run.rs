use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use portcullis::KeyManager;
use portcullis::clock::Clock;
use portcullis::manager::{Expiry, Issued, NewKey};
use portcullis::service::ServiceName;
use tokio_util::sync::CancellationToken;

use super::demo::SERVICE;
use super::folder::Folder;
use super::probe::probe;
use super::report::Report;
use super::upstream::EchoUpstream;
use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::shutdown::Shutdown;
use crate::gateway;
use crate::telemetry::Metrics;

/// How long quickstart's key lives: one is issued each time, and nobody revokes them.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

#[derive(Debug, Args)]
pub(in crate::cli) struct QuickstartArgs {
    /// Keep the files in this folder, and use them again the next time; a temporary one without it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// End at once after the two requests: with status 0 where they were answered 200 and 401
    #[arg(long)]
    check: bool,
}

pub(in crate::cli) async fn run(
    args: &QuickstartArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let mut shutdown = Shutdown::listen_at_terminal()?;
    let folder = Folder::open(args.dir.as_deref())?;
    let result = try_out(args, &folder, &mut shutdown, output).await;
    let closed = folder.close();
    let exit = result?;
    closed?;
    Ok(exit)
}

/// Runs the gateway for as long as it is looked at, and ends it in order whatever came of that.
async fn try_out(
    args: &QuickstartArgs,
    folder: &Folder,
    shutdown: &mut Shutdown,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let (mut config, sockets) = folder.prepare().await?;
    // Whoever tries it out waits at the terminal for its end.
    config.server.drain_idle = Duration::ZERO;
    let addresses = sockets.addresses()?;
    let metrics = Metrics::install()?;
    let manager = config.open_manager().await?;
    config.create_missing_services(&manager).await?;
    let issued = issue(&manager).await?;
    let clock = manager.clock().clone();
    let _upstream = EchoUpstream::start(sockets.upstream);
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let mut gateway = pin!(gateway::serve(
        config,
        manager.clone(),
        sockets.listeners,
        metrics,
        stopped
    ));
    let trial = Trial {
        args,
        folder,
        addresses,
        issued: &issued,
    };
    let outcome = tokio::select! {
        result = &mut gateway => return Err(result.map_or_else(CliError::from, |()| gone())),
        outcome = trial.run(&*clock, shutdown, output) => outcome,
    };
    stop.cancel();
    let ended = tokio::select! {
        ended = &mut gateway => ended.map_err(CliError::from),
        // Told once more: what is in flight is not waited for.
        _ = shutdown.next() => manager.shutdown().await.map_err(CliError::from),
    };
    let exit = outcome?;
    ended?;
    Ok(exit)
}

/// What there is to look at.
struct Trial<'a> {
    args: &'a QuickstartArgs,
    folder: &'a Folder,
    addresses: [SocketAddr; 3],
    issued: &'a Issued,
}

impl Trial<'_> {
    /// Tries the gateway, tells how it went, and waits until the end is asked for.
    async fn run(
        &self,
        clock: &dyn Clock,
        shutdown: &mut Shutdown,
        output: &mut Output<'_>,
    ) -> Result<Exit, CliError> {
        let statuses = tokio::select! {
            _ = shutdown.next() => return Ok(Exit::Done),
            statuses = self.probe(clock) => statuses?,
        };
        let report = Report::new(self.folder, self.addresses, self.issued, statuses);
        let exit = tell(&report, self.args, output)?;
        if !self.args.check {
            shutdown.next().await;
        }
        Ok(exit)
    }

    async fn probe(&self, clock: &dyn Clock) -> Result<[StatusCode; 2], CliError> {
        let [public, ..] = self.addresses;
        let with_key = probe(public, Some(&self.issued.token), clock).await?;
        let without_key = probe(public, None, clock).await?;
        Ok([with_key, without_key])
    }
}

fn tell(
    report: &Report<'_>,
    args: &QuickstartArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    output.result(report, || report.text())?;
    if !report.is_good() {
        let message = "the gateway did not answer 200 with the key and 401 without";
        return Err(CliError::new(Exit::Failure, message));
    }
    if !args.check {
        output.note("\nRunning until Ctrl-C.")?;
    }
    Ok(Exit::Done)
}

/// The gateway runs until it is told to stop: this is for the compiler, and for the day it does not.
fn gone() -> CliError {
    CliError::new(Exit::Failure, "the gateway ended by itself")
}

async fn issue(manager: &KeyManager) -> Result<Issued, CliError> {
    let service: ServiceName = SERVICE.parse()?;
    let new = NewKey::new(service, "quickstart".parse()?, "first key".parse()?)
        .scopes(format!("{SERVICE}:read").parse()?)
        .expiry(Expiry::In(LIFETIME));
    Ok(manager.create_key(new, &actor()?).await?)
}
