use clap::Args;
use portcullis::KeyManager;
use portcullis::manager::NewService;
use portcullis::service::{Service, ServiceName};

use super::fields::{FieldArgs, refused};
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// 1 to 63 characters of a-z, 0-9 and '-', with a letter first
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    #[command(flatten)]
    fields: FieldArgs,
}

pub(super) async fn create(manager: &KeyManager, args: CreateArgs) -> Result<Service, CliError> {
    let (mut new, fields) = (NewService::new(args.name), args.fields);
    if let Some(quota) = fields.quota {
        new = new.quota(quota);
    }
    if let Some(rate) = fields.rate {
        new = new.default_rate(rate);
    }
    if let Some(prefix) = fields.prefix {
        new = new.prefix(prefix);
    }
    if let Some(lifetime) = fields.lifetime {
        new = new.default_lifetime(lifetime.get());
    }
    if let Some(lifetime) = fields.max_lifetime {
        new = new.max_lifetime(lifetime.get());
    }
    let created = manager.create_service(new, &actor()?).await;
    created.map_err(refused)
}
