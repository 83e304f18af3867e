use clap::Subcommand;
use portcullis::KeyManager;
use portcullis::key::KeyId;

use super::change::{RevokeArgs, disable, enable, revoke};
use super::create::{CreateArgs, create};
use super::list::{ListArgs, list, show};
use super::rotate::{RotateArgs, rotate};
use super::verify::{VerifyArgs, verify};
use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::global::GlobalArgs;
use crate::cli::output::Output;
use crate::cli::session::{Database, with_manager};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Issue a key; its token is shown once, and alone on standard output when that is a pipe
    Create(CreateArgs),
    /// List the keys of a service, the oldest first
    List(ListArgs),
    /// Show one key and its use
    Show {
        /// The key's id, a UUID
        #[arg(value_parser = checked::<KeyId>())]
        id: KeyId,
    },
    /// Give a key a new token; the older ones still count for a while
    Rotate(RotateArgs),
    /// Refuse a key for good
    Revoke(RevokeArgs),
    /// Refuse a key until it is enabled again
    Disable {
        /// The key's id, a UUID
        #[arg(value_parser = checked::<KeyId>())]
        id: KeyId,
    },
    /// Accept a disabled key again
    Enable {
        /// The key's id, a UUID
        #[arg(value_parser = checked::<KeyId>())]
        id: KeyId,
    },
    /// Say whether a token is good; ends with status 5 where not
    ///
    /// The token is read from standard input or a file, never from the command line. The look is
    /// counted as a use of the key.
    Verify(VerifyArgs),
}

pub(in crate::cli) async fn run(
    command: KeysCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // Before anything is opened: reading may wait for a person.
    let token = match &command {
        KeysCommand::Verify(args) => Some(args.read_token(output)?),
        _ => None,
    };
    with_manager(
        global,
        Database::Existing,
        output,
        async |manager, output| perform(command, &token.unwrap_or_default(), manager, output).await,
    )
    .await
}

/// `token` is what [`KeysCommand::Verify`] looks at.
pub(in crate::cli) async fn perform(
    command: KeysCommand,
    token: &[u8],
    manager: &KeyManager,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        KeysCommand::Create(args) => create(manager, args, output).await?,
        KeysCommand::List(args) => list(manager, args, output).await?,
        KeysCommand::Show { id } => show(manager, id, output).await?,
        KeysCommand::Rotate(args) => rotate(manager, args, output).await?,
        KeysCommand::Revoke(args) => revoke(manager, args, output).await?,
        KeysCommand::Disable { id } => disable(manager, id, output).await?,
        KeysCommand::Enable { id } => enable(manager, id, output).await?,
        KeysCommand::Verify(args) => return verify(manager, &args, token, output).await,
    }
    Ok(Exit::Done)
}
