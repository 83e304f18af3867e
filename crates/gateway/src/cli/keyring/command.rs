use std::path::Path;

use clap::Subcommand;
use portcullis::KeyManager;
use portcullis::keyring::RootName;

use super::change::{add, rotate};
use super::list::list;
use super::retire::retire;
use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::global::GlobalArgs;
use crate::cli::output::Output;
use crate::cli::session::{Database, with_manager};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyringCommand {
    /// List the roots, and what stands under each in the database
    List,
    /// Add a new root that only verifies; then give the file to every node
    Add {
        /// The new root's name, for example k2; a name is never used again
        #[arg(value_parser = checked::<RootName>())]
        name: RootName,
    },
    /// Make a root current: what is new is made under it. Every node must have it before
    Rotate {
        /// The root's name
        #[arg(value_parser = checked::<RootName>())]
        name: RootName,
    },
    /// Retire a root for good and take it out of the file; refused while anything stands under it
    Retire {
        /// The root's name
        #[arg(value_parser = checked::<RootName>())]
        name: RootName,
    },
}

pub(in crate::cli) async fn run(
    command: KeyringCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let config = Config::load(&global.config)?;
    let path = &config.keyring_path;
    if !config.has_database() {
        return perform(command, None, path, output).await;
    }
    // Making another root current is the way out where the database refuses the present one.
    if matches!(command, KeyringCommand::Rotate { .. }) {
        let exit = perform(command, None, path, output).await?;
        tell(global, output).await?;
        return Ok(exit);
    }
    with_manager(
        global,
        Database::Existing,
        output,
        async |manager, output| perform(command, Some(manager), path, output).await,
    )
    .await
}

/// Has the database remember the new current root: a node that lacks it hears of that with its next
/// poll, before anything is made under it. The file is changed, whether that works or not.
async fn tell(global: &GlobalArgs, output: &mut Output<'_>) -> Result<(), CliError> {
    let told = with_manager(global, Database::Existing, output, async |_, _| Ok(())).await;
    if let Err(error) = told {
        output.note(&format!(
            "warning: the database could not be told of it, and is by whoever uses it next with this \
             keyring: {error}"
        ))?;
    }
    Ok(())
}

/// There is no manager where there is no database yet: then nothing was made under any root.
async fn perform(
    command: KeyringCommand,
    manager: Option<&KeyManager>,
    path: &Path,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        KeyringCommand::List => list(manager, path, output).await?,
        KeyringCommand::Add { name } => add(name, manager, path, output).await?,
        KeyringCommand::Rotate { name } => rotate(&name, path, output)?,
        KeyringCommand::Retire { name } => retire(&name, manager, path, output).await?,
    }
    Ok(Exit::Done)
}
