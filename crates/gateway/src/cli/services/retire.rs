use clap::Args;
use portcullis::KeyManager;
use portcullis::key::{KeyFilter, RevocationReason};
use portcullis::service::{Service, ServiceName};

use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::keys::{count, is_open};
use crate::cli::output::counted;

#[derive(Debug, Args)]
pub(in crate::cli) struct RetireArgs {
    /// The service's name
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    /// Why, for the trail and for whoever looks at the service: 1 to 256 characters
    #[arg(long, value_parser = checked::<RevocationReason>())]
    reason: RevocationReason,
    /// Do it, and do not only count the keys that it ends
    #[arg(long)]
    yes: bool,
}

pub(super) async fn retire(manager: &KeyManager, args: RetireArgs) -> Result<Service, CliError> {
    if !args.yes {
        return Err(asked(manager, &args.name).await?);
    }
    Ok(manager
        .retire_service(&args.name, args.reason, &actor()?)
        .await?)
}

/// What is said instead: how much would end, and that it is for good.
async fn asked(manager: &KeyManager, name: &ServiceName) -> Result<CliError, CliError> {
    let service = manager.service(name).await?;
    let filter = KeyFilter {
        service: Some(service.name),
        ..KeyFilter::default()
    };
    let open = count(manager, &filter, &Interrupt::default(), is_open).await?;
    let message = format!(
        "service {name} and {} of it would end for good: say --yes to do it",
        counted(open, "key")
    );
    Ok(CliError::new(Exit::Usage, message))
}
