use clap::Args;
use portcullis::KeyManager;
use portcullis::limits::Rate;
use portcullis::manager::NewService;
use portcullis::service::{Service, ServiceName};
use portcullis::token::Prefix;

use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::config::HumanDuration;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// 1 to 63 characters of a-z, 0-9 and '-', with a letter first
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    /// The most live keys; the configuration's default without it
    #[arg(
        long,
        value_name = "KEYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(Service::MAX_QUOTA))
    )]
    quota: Option<u32>,
    /// The rate of keys that have none of their own, for example '100/s burst 200'
    #[arg(long, value_parser = checked::<Rate>(), allow_hyphen_values = true)]
    rate: Option<Rate>,
    /// The first part of its tokens; the configuration's default without it
    #[arg(long, value_parser = checked::<Prefix>())]
    prefix: Option<Prefix>,
    /// How long keys live that are created without an expiry, for example 90d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    lifetime: Option<HumanDuration>,
    /// The longest life that a key may be given, for example 366d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    max_lifetime: Option<HumanDuration>,
}

pub(super) async fn create(manager: &KeyManager, args: CreateArgs) -> Result<Service, CliError> {
    let mut new = NewService::new(args.name);
    if let Some(quota) = args.quota {
        new = new.quota(quota);
    }
    if let Some(rate) = args.rate {
        new = new.default_rate(rate);
    }
    if let Some(prefix) = args.prefix {
        new = new.prefix(prefix);
    }
    if let Some(lifetime) = args.lifetime {
        new = new.default_lifetime(lifetime.get());
    }
    if let Some(lifetime) = args.max_lifetime {
        new = new.max_lifetime(lifetime.get());
    }
    Ok(manager.create_service(new, &actor()?).await?)
}
