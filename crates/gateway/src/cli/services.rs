use clap::{Args, Subcommand};
use portcullis::KeyManager;
use portcullis::limits::Rate;
use portcullis::manager::NewService;
use portcullis::service::{Service, ServiceName};
use portcullis::token::Prefix;

use super::Exit;
use super::actor::actor;
use super::checked::checked;
use super::dto::{ServiceDto, ServiceListDto};
use super::error::CliError;
use super::global::GlobalArgs;
use super::output::{Output, fields, list};
use super::session::{Database, with_manager};
use crate::config::HumanDuration;

#[derive(Debug, Subcommand)]
pub(super) enum ServicesCommand {
    /// Create a service that keys can be issued for
    Create(CreateArgs),
    /// List all services
    List,
    /// Show one service
    Show {
        /// The service's name
        #[arg(value_parser = checked::<ServiceName>())]
        name: ServiceName,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
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
}

pub(super) async fn run(
    command: ServicesCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let database = match command {
        ServicesCommand::Create(_) => Database::Created,
        _ => Database::Existing,
    };
    with_manager(global, database, output, async |manager, output| {
        perform(command, manager, output).await
    })
    .await
}

pub(super) async fn perform(
    command: ServicesCommand,
    manager: &KeyManager,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        ServicesCommand::Create(args) => {
            let service = create(manager, args).await?;
            output.result(&ServiceDto::from(&service), || describe(&service))?;
        }
        ServicesCommand::List => {
            let services = manager.services().await?;
            let dto = ServiceListDto {
                services: services.iter().map(Into::into).collect(),
            };
            output.result(&dto, || table(&services))?;
        }
        ServicesCommand::Show { name } => {
            let service = manager.service(&name).await?;
            output.result(&ServiceDto::from(&service), || describe(&service))?;
        }
    }
    Ok(Exit::Done)
}

async fn create(manager: &KeyManager, args: CreateArgs) -> Result<Service, CliError> {
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
    Ok(manager.create_service(new, &actor()?).await?)
}

fn describe(service: &Service) -> String {
    fields([
        ("name", service.name.to_string()),
        ("quota", service.quota.to_string()),
        ("default rate", rate(service)),
        ("default lifetime", lifetime(service)),
        ("prefix", prefix(service)),
        ("created", service.created_at.to_string()),
    ])
}

fn table(services: &[Service]) -> String {
    let row = |service: &Service| {
        [
            service.name.to_string(),
            service.quota.to_string(),
            rate(service),
            lifetime(service),
            prefix(service),
            service.created_at.to_string(),
        ]
    };
    let titles = [
        "NAME",
        "QUOTA",
        "DEFAULT RATE",
        "DEFAULT LIFETIME",
        "PREFIX",
        "CREATED",
    ];
    list(titles, services.iter().map(row))
}

fn rate(service: &Service) -> String {
    service
        .default_rate
        .map_or_else(|| "unlimited".to_owned(), |rate| rate.to_string())
}

fn lifetime(service: &Service) -> String {
    let lifetime = service.default_lifetime.map(HumanDuration::from);
    lifetime.map_or_else(
        || "as configured".to_owned(),
        |lifetime| lifetime.to_string(),
    )
}

fn prefix(service: &Service) -> String {
    service
        .prefix
        .map_or_else(|| "as configured".to_owned(), |prefix| prefix.to_string())
}
