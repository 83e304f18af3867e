use clap::Args;
use portcullis::KeyManager;

use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::dto::PrunedDto;
use crate::cli::error::CliError;
use crate::cli::output::{Output, counted};
use crate::cli::when::When;

#[derive(Debug, Args)]
pub(in crate::cli) struct PruneArgs {
    /// Remove what is older than this duration, for example 90d, or than this time
    #[arg(long, value_name = "DURATION|TIME", value_parser = checked::<When>())]
    older_than: When,
    /// Yes, remove them: there is no way back
    #[arg(long)]
    yes: bool,
}

impl PruneArgs {
    pub(super) fn check(&self) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        let message = "events that are pruned are gone: export them first, and say --yes";
        Err(CliError::new(Exit::Usage, message))
    }
}

pub(super) async fn prune(
    manager: &KeyManager,
    args: &PruneArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    args.check()?;
    let before = args.older_than.before(manager.clock().now().wall());
    let pruned = manager.prune_audit(before, &actor()?).await?;
    output.result(&PrunedDto::from(pruned), || match pruned.events {
        0 => format!("pruned: nothing is older than {before}"),
        events => format!(
            "pruned: {} older than {before}; the trail begins at event {}",
            counted(events, "event"),
            pruned.through.saturating_add(1)
        ),
    })?;
    Ok(())
}
