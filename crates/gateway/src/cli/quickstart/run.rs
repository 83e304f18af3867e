use std::path::PathBuf;
use std::pin::pin;

use clap::Args;
use portcullis::KeyManager;
use portcullis::manager::{Issued, NewKey};
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
    let shutdown = Shutdown::listen()?;
    let folder = Folder::open(args.dir.as_deref())?;
    let result = try_out(args, &folder, shutdown, output).await;
    let closed = folder.close();
    let exit = result?;
    closed?;
    Ok(exit)
}

/// Runs the gateway, tries it, tells how it went, and lets it run on until the end is asked for.
async fn try_out(
    args: &QuickstartArgs,
    folder: &Folder,
    shutdown: Shutdown,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let (config, sockets) = folder.prepare().await?;
    let addresses = sockets.addresses()?;
    let [public, ..] = addresses;
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
        manager,
        sockets.listeners,
        metrics,
        stopped
    ));
    let mut ended = pin!(shutdown.wait());

    let trial = async {
        let with_key = probe(public, Some(&issued.token), &*clock).await?;
        let without_key = probe(public, None, &*clock).await?;
        Ok::<_, CliError>([with_key, without_key])
    };
    let statuses = tokio::select! {
        () = &mut ended => None,
        result = &mut gateway => return Err(result.map_or_else(CliError::from, |()| gone())),
        statuses = trial => Some(statuses),
    };
    let result = match statuses {
        None => Ok(Exit::Done),
        Some(statuses) => {
            let report = Report::new(folder, addresses, &issued, statuses?);
            let told = tell(&report, args, output);
            if !args.check && matches!(told, Ok(Exit::Done)) {
                tokio::select! {
                    () = &mut ended => {}
                    result = &mut gateway => {
                        return Err(result.map_or_else(CliError::from, |()| gone()));
                    }
                }
            }
            told
        }
    };
    stop.cancel();
    gateway.await?;
    result
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
        .scopes(format!("{SERVICE}:read").parse()?);
    Ok(manager.create_key(new, &actor()?).await?)
}
