use clap::Subcommand;
use portcullis::KeyManager;

use super::export::{ExportArgs, export};
use super::list::{ListArgs, list};
use super::prune::{PruneArgs, prune};
use super::verify::{VerifyArgs, verify};
use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::dto::{AnchorDto, AuditHeadDto};
use crate::cli::error::CliError;
use crate::cli::global::GlobalArgs;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::Output;
use crate::cli::session::{Database, with_manager};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuditCommand {
    /// List events in their order
    List(ListArgs),
    /// Print events as JSON, one a line; on standard error, where to go on the next time
    Export(ExportArgs),
    /// Print the end of the trail: keep it elsewhere, for audit verify --head
    Head,
    /// Check that every event is as it was written; ends with status 5 where not
    Verify(VerifyArgs),
    /// Sign the end of the trail, once it was verified
    Anchor,
    /// Remove old events for good, once the trail was verified
    Prune(PruneArgs),
}

pub(in crate::cli) async fn run(
    command: AuditCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // Before anything is opened: reading may wait for a person, and what is missing is told first.
    let read = match &command {
        AuditCommand::Verify(args) => args.read(output)?,
        AuditCommand::Prune(args) => {
            args.check()?;
            Vec::new()
        }
        _ => Vec::new(),
    };
    with_manager(
        global,
        Database::Existing,
        output,
        async |manager, output| {
            let interrupt = match &command {
                AuditCommand::Export(_) => Interrupt::hold_back()?,
                _ => Interrupt::default(),
            };
            perform(command, &read, manager, &interrupt, output).await
        },
    )
    .await
}

/// `read` is what the command reads outside its arguments: a head.
pub(in crate::cli) async fn perform(
    command: AuditCommand,
    read: &[u8],
    manager: &KeyManager,
    interrupt: &Interrupt,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        AuditCommand::List(args) => list(manager, args, output).await?,
        AuditCommand::Export(args) => export(manager, args, interrupt, output).await?,
        AuditCommand::Head => {
            let head = manager.audit_head().await?;
            output.result(&AuditHeadDto::from(head), || head.to_string())?;
        }
        AuditCommand::Verify(args) => return verify(manager, &args, read, output).await,
        AuditCommand::Anchor => {
            let anchor = manager.anchor_audit(&actor()?).await?;
            output.result(&AnchorDto::from(&anchor), || {
                let (sequence, root) = (anchor.place.sequence, &anchor.root);
                format!("anchored: event {sequence}, signed under root {root}")
            })?;
        }
        AuditCommand::Prune(args) => prune(manager, &args, output).await?,
    }
    Ok(Exit::Done)
}
