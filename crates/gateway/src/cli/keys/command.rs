use clap::Subcommand;
use portcullis::KeyManager;
use portcullis::key::KeyId;

use super::change::{disable, enable};
use super::create::{CreateArgs, create};
use super::create_many::{CreateManyArgs, create_many};
use super::list::{ListArgs, ShowArgs, list, show};
use super::revoke::{RevokeArgs, revoke};
use super::rotate::{RotateArgs, rotate};
use super::update::{UpdateArgs, update};
use super::verify::{VerifyArgs, verify};
use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::global::GlobalArgs;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::Output;
use crate::cli::session::{Database, with_manager};
use crate::cli::standard_output;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Issue a key; its token is shown once, and alone on standard output when that is a pipe
    Create(CreateArgs),
    /// Issue many keys, all or none of each 1,000; prints a line of JSON for each
    ///
    /// Each line of the file is a JSON object with service, owner, name and, where wanted,
    /// environment, scopes, rate, expires_at, addresses, metadata and note. All lines are checked
    /// before the first key is issued. The tokens go to standard output, and nowhere else.
    CreateMany(CreateManyArgs),
    /// List the keys that meet a filter; a page may be short while more follow
    List(ListArgs),
    /// Show one key, its secrets and when each was last used
    ///
    /// The status is the key's own: a retired service ends its keys, whatever their status.
    Show(ShowArgs),
    /// Change a key; what is not named stays as it is
    ///
    /// A patch is over name, owner, scopes, rate, expires_at, addresses, metadata and note.
    /// Members of metadata are patched each by itself.
    Update(Box<UpdateArgs>),
    /// Give a key a new token; the older ones still count for a while
    Rotate(RotateArgs),
    /// Refuse keys for good
    Revoke(Box<RevokeArgs>),
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
    if command.issues() {
        standard_output::check()?;
    }
    // Before anything is opened: reading may wait for a person.
    let read = command.read(output)?;
    with_manager(
        global,
        Database::Existing,
        output,
        async |manager, output| {
            let interrupt = command.interrupt()?;
            perform(command, &read, manager, &interrupt, output).await
        },
    )
    .await
}

impl KeysCommand {
    /// Whether it prints new tokens, each of which is shown once.
    fn issues(&self) -> bool {
        matches!(
            self,
            Self::Create(_) | Self::CreateMany(_) | Self::Rotate(_)
        )
    }

    /// Reads what lies outside the arguments.
    fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        match self {
            Self::Create(args) => args.read(output),
            Self::CreateMany(args) => args.read(output),
            Self::Update(args) => args.read(output),
            Self::Verify(args) => args.read_token(output),
            Self::List(_)
            | Self::Show(_)
            | Self::Rotate(_)
            | Self::Revoke(_)
            | Self::Disable { .. }
            | Self::Enable { .. } => Ok(Vec::new()),
        }
    }

    /// What issues tokens prints them before a signal ends it, and what goes on for long ends where
    /// it can say how far it came. All others may be cut: what they change is done or is not.
    fn interrupt(&self) -> Result<Interrupt, CliError> {
        match self {
            Self::Create(_) | Self::CreateMany(_) | Self::Rotate(_) => Interrupt::hold_back(),
            Self::Revoke(args) if args.is_of_many() => Interrupt::hold_back(),
            Self::List(_)
            | Self::Show(_)
            | Self::Update(_)
            | Self::Revoke(_)
            | Self::Disable { .. }
            | Self::Enable { .. }
            | Self::Verify(_) => Ok(Interrupt::default()),
        }
    }
}

/// `read` is what the command reads outside its arguments, for example a token.
pub(in crate::cli) async fn perform(
    command: KeysCommand,
    read: &[u8],
    manager: &KeyManager,
    interrupt: &Interrupt,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        KeysCommand::Create(args) => create(manager, args, read, output).await?,
        KeysCommand::CreateMany(_) => create_many(manager, read, interrupt, output).await?,
        KeysCommand::List(args) => return list(manager, args, output).await,
        KeysCommand::Show(args) => show(manager, args, output).await?,
        KeysCommand::Update(args) => update(manager, *args, read, output).await?,
        KeysCommand::Rotate(args) => rotate(manager, args, output).await?,
        KeysCommand::Revoke(args) => return revoke(manager, *args, interrupt, output).await,
        KeysCommand::Disable { id } => disable(manager, id, output).await?,
        KeysCommand::Enable { id } => enable(manager, id, output).await?,
        KeysCommand::Verify(args) => return verify(manager, &args, read, output).await,
    }
    Ok(Exit::Done)
}
