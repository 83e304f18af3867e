use clap::Args;
use portcullis::key::{Key, KeyId, KeyStatus, RevocationReason};
use portcullis::{Error, ErrorKind, KeyManager};

use super::change::print;
use super::filter::FilterArgs;
use super::list::warning;
use super::revoke_all::{Present, Revocation, count, is_open, revoked_before};
use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::dto::{RevokedDamagedDto, RevokedDto, RevokedKeysDto};
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::{self, Output};

#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArgs {
    /// The keys' ids, UUIDs: all of them are revoked, or none
    #[arg(value_name = "ID", required_unless_present = "all", value_parser = checked::<KeyId>())]
    ids: Vec<KeyId>,
    /// Why, for the trail and for whoever looks at the key: 1 to 256 characters
    #[arg(long, value_parser = checked::<RevocationReason>())]
    reason: RevocationReason,
    /// Instead of ids, every key there is that meets the filter; one that is made meanwhile stays
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Do it, and do not only count
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

impl RevokeArgs {
    /// Whether keys are found by a filter, and revoked one thousand after the other.
    pub(super) fn is_of_many(&self) -> bool {
        self.all && self.yes
    }
}

pub(super) async fn revoke(
    manager: &KeyManager,
    args: RevokeArgs,
    interrupt: &Interrupt,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    if args.all {
        return revoke_all(manager, &args, interrupt, output).await;
    }
    if args.yes || !args.filter.is_empty() {
        let message = "a filter and --yes are for --all: without it, keys are named by their ids";
        return Err(CliError::new(Exit::Usage, message));
    }
    if let [id] = args.ids[..] {
        let actor = actor()?;
        let revoked = manager.revoke_key(id, args.reason.clone(), &actor).await;
        match revoked {
            Ok(key) => print(manager, &key, output)?,
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                manager.revoke_damaged_key(id, args.reason, &actor).await?;
                print_damaged(id, &error, output)?;
            }
            Err(error) => return Err(error.into()),
        }
        return Ok(Exit::Done);
    }
    let keys = manager
        .revoke_keys(args.ids, args.reason, &actor()?)
        .await?;
    let now = manager.clock().now().wall();
    let dto = RevokedKeysDto::new(&keys, now);
    output.result(&dto, || table(&keys))?;
    Ok(Exit::Done)
}

fn print_damaged(id: KeyId, error: &Error, output: &mut Output<'_>) -> Result<(), CliError> {
    let dto = RevokedDamagedDto {
        id: id.to_string(),
        status: KeyStatus::Revoked.as_str(),
        damaged: true,
    };
    output.result(&dto, || format!("{id} is revoked"))?;
    // It is revoked. That nobody reads remarks is no reason to say it were not.
    let _ = output.note(&format!(
        "warning: its record is damaged and stays so: {error}"
    ));
    Ok(())
}

async fn revoke_all(
    manager: &KeyManager,
    args: &RevokeArgs,
    interrupt: &Interrupt,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    if !args.filter.names_services() {
        let message = "--all: expected --service SERVICE, or --all-services";
        return Err(CliError::new(Exit::Usage, message));
    }
    let now = manager.clock().now().wall();
    let filter = args.filter.filter(now);
    if !args.yes {
        let message = format!(
            "{} the filter and would be revoked: say --yes to do it",
            meeting(count(manager, &filter, interrupt, is_open).await?)
        );
        return Err(CliError::new(Exit::Usage, message));
    }
    let present = Present::of(manager, filter, now, interrupt).await?;
    // Counted first: where a listing goes by state, those that are revoked now come again.
    let revoked_before =
        present.revoked_later + revoked_before(manager, &present.filter, interrupt).await?;
    let mut revocation = Revocation {
        manager,
        present: &present,
        reason: &args.reason,
        actor: actor()?,
        interrupt,
        revoked: 0,
        damaged: Vec::new(),
    };
    let revoked = revocation.run().await?;
    let dto = RevokedDto {
        revoked,
        revoked_before,
    };
    let text = || {
        output::fields([
            ("revoked", revoked.to_string()),
            ("revoked before", revoked_before.to_string()),
        ])
    };
    output.result(&dto, text)?;
    for key in &revocation.damaged {
        // All is done, and the status says that some could not be read.
        let _ = output.note(&warning(key));
    }
    Ok(if revocation.damaged.is_empty() {
        Exit::Done
    } else {
        Exit::Partial
    })
}

fn meeting(keys: u64) -> String {
    let verb = if keys == 1 { "meets" } else { "meet" };
    format!("{} {verb}", output::counted(keys, "key"))
}

fn table(keys: &[Key]) -> String {
    let row = |key: &Key| {
        [
            key.id.to_string(),
            key.name.to_string(),
            key.owner.to_string(),
            key.service.to_string(),
            key.state.as_str().to_owned(),
        ]
    };
    let titles = ["ID", "NAME", "OWNER", "SERVICE", "STATE"];
    output::list(titles, keys.iter().map(row))
}
