use clap::Args;
use portcullis::KeyManager;
use portcullis::key::RevocationReason;
use portcullis::service::{Service, ServiceName};

use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;

#[derive(Debug, Args)]
pub(in crate::cli) struct RetireArgs {
    /// The service's name
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    /// Why, for the trail and for whoever looks at the service: 1 to 256 characters
    #[arg(long, value_parser = checked::<RevocationReason>())]
    reason: RevocationReason,
}

pub(super) async fn retire(manager: &KeyManager, args: RetireArgs) -> Result<Service, CliError> {
    Ok(manager
        .retire_service(&args.name, args.reason, &actor()?)
        .await?)
}
