use clap::Args;
use portcullis::KeyManager;
use portcullis::audit::Actor;
use portcullis::key::{Key, KeyFilter, KeyId, KeyStatus, RevocationReason};
use portcullis::manager::ListKeys;

use super::change::print;
use super::filter::FilterArgs;
use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::dto::{RevokedDto, RevokedKeysDto};
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};

#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArgs {
    /// The keys' ids, UUIDs: all of them are revoked, or none
    #[arg(value_name = "ID", required_unless_present = "all", value_parser = checked::<KeyId>())]
    ids: Vec<KeyId>,
    /// Why, for the trail and for whoever looks at the key: 1 to 256 characters
    #[arg(long, value_parser = checked::<RevocationReason>())]
    reason: RevocationReason,
    /// Instead of ids, every key that meets the filter
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Do it, and do not only count
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) async fn revoke(
    manager: &KeyManager,
    args: RevokeArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    if args.all {
        return revoke_all(manager, &args, output).await;
    }
    if args.yes || !args.filter.is_empty() {
        let message = "a filter and --yes are for --all: without it, keys are named by their ids";
        return Err(CliError::new(Exit::Usage, message));
    }
    if let [id] = args.ids[..] {
        let key = manager.revoke_key(id, args.reason, &actor()?).await?;
        return print(manager, &key, output);
    }
    let keys = manager
        .revoke_keys(args.ids, args.reason, &actor()?)
        .await?;
    let now = manager.clock().now().wall();
    let dto = RevokedKeysDto::new(&keys, now);
    Ok(output.result(&dto, || table(&keys))?)
}

/// What a revocation by filter has come to.
#[derive(Debug, Default)]
struct Counts {
    revoked: u64,
    before: u64,
}

async fn revoke_all(
    manager: &KeyManager,
    args: &RevokeArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    if !args.filter.names_services() {
        let message = "--all: expected --service SERVICE, or --all-services";
        return Err(CliError::new(Exit::Usage, message));
    }
    let filter = args.filter.filter(manager.clock().now().wall());
    let mut counts = Counts::default();
    if !args.yes {
        walk(manager, &filter, None, &args.reason, &mut counts).await?;
        let message = format!(
            "{} keys meet the filter and would be revoked: say --yes to do it",
            counts.revoked
        );
        return Err(CliError::new(Exit::Usage, message));
    }
    let done = walk(manager, &filter, Some(&actor()?), &args.reason, &mut counts).await;
    if let Err(error) = done {
        let message = format!("{} keys are revoked, and the others not", counts.revoked);
        output.note(&message)?;
        return Err(error);
    }
    let dto = RevokedDto {
        revoked: counts.revoked,
        revoked_before: counts.before,
    };
    let text = || {
        output::fields([
            ("revoked", counts.revoked.to_string()),
            ("revoked before", counts.before.to_string()),
        ])
    };
    Ok(output.result(&dto, text)?)
}

/// Revokes what meets the filter, a page at a time; only counts without an actor.
async fn walk(
    manager: &KeyManager,
    filter: &KeyFilter,
    actor: Option<&Actor>,
    reason: &RevocationReason,
    counts: &mut Counts,
) -> Result<(), CliError> {
    let mut cursor = None::<String>;
    loop {
        let mut request = ListKeys::matching(filter.clone()).limit(ListKeys::MAX_LIMIT);
        if let Some(cursor) = cursor {
            request = request.cursor(cursor);
        }
        let page = manager.list_keys(request).await?;
        let now = manager.clock().now().wall();
        let open = |key: &&Key| key.status(now) != KeyStatus::Revoked;
        let ids: Vec<KeyId> = page.keys.iter().filter(open).map(|key| key.id).collect();
        let found = ids.len() as u64;
        if let Some(actor) = actor.filter(|_| found > 0) {
            manager.revoke_keys(ids, reason.clone(), actor).await?;
        }
        counts.revoked += found;
        counts.before += page.keys.len() as u64 - found;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
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
