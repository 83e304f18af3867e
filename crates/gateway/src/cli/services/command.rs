use clap::Subcommand;
use portcullis::KeyManager;
use portcullis::service::ServiceName;

use super::create::{CreateArgs, create};
use super::describe::{describe, table};
use super::retire::{RetireArgs, retire};
use super::update::{UpdateArgs, update};
use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::dto::{ServiceDto, ServiceListDto};
use crate::cli::error::CliError;
use crate::cli::global::GlobalArgs;
use crate::cli::output::Output;
use crate::cli::session::{Database, with_manager};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ServicesCommand {
    /// Create a service that keys can be issued for; what is not named is as configured
    Create(CreateArgs),
    /// List all services
    List,
    /// Show one service
    Show {
        /// The service's name
        #[arg(value_parser = checked::<ServiceName>())]
        name: ServiceName,
    },
    /// Change a service; what is not named stays as it is
    ///
    /// A patch is over quota, default_rate, default_lifetime_seconds, max_lifetime_seconds and
    /// prefix. A lower quota ends no key that is there.
    Update(Box<UpdateArgs>),
    /// End a service for good: it issues no keys, and none of its keys is accepted
    Retire(RetireArgs),
}

pub(in crate::cli) async fn run(
    command: ServicesCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let database = match command {
        ServicesCommand::Create(_) => Database::Created,
        _ => Database::Existing,
    };
    // Before anything is opened: reading may wait for a person.
    let read = match &command {
        ServicesCommand::Update(args) => args.read(output)?,
        _ => Vec::new(),
    };
    with_manager(global, database, output, async |manager, output| {
        perform(command, &read, manager, output).await
    })
    .await
}

/// `read` is what the command reads outside its arguments.
pub(in crate::cli) async fn perform(
    command: ServicesCommand,
    read: &[u8],
    manager: &KeyManager,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let service = match command {
        ServicesCommand::List => {
            let services = manager.services().await?;
            let dto = ServiceListDto {
                services: services.iter().map(Into::into).collect(),
            };
            output.result(&dto, || table(&services))?;
            return Ok(Exit::Done);
        }
        ServicesCommand::Create(args) => create(manager, args).await?,
        ServicesCommand::Show { name } => manager.service(&name).await?,
        ServicesCommand::Update(args) => update(manager, *args, read).await?,
        ServicesCommand::Retire(args) => retire(manager, args).await?,
    };
    output.result(&ServiceDto::from(&service), || describe(&service))?;
    Ok(Exit::Done)
}
