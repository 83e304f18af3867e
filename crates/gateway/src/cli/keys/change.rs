use clap::Args;
use portcullis::KeyManager;
use portcullis::key::{Key, KeyId, RevocationReason};

use super::describe::describe;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::dto::KeyDto;
use crate::cli::error::CliError;
use crate::cli::output::Output;

#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArgs {
    /// The key's id, a UUID
    #[arg(value_parser = checked::<KeyId>())]
    id: KeyId,
    /// Why, for the trail and for whoever looks at the key: 1 to 256 characters
    #[arg(long, value_parser = checked::<RevocationReason>())]
    reason: RevocationReason,
}

pub(super) async fn revoke(
    manager: &KeyManager,
    args: RevokeArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    print(
        manager,
        &manager.revoke_key(args.id, args.reason, &actor()?).await?,
        output,
    )
}

pub(super) async fn disable(
    manager: &KeyManager,
    id: KeyId,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    print(manager, &manager.disable_key(id, &actor()?).await?, output)
}

pub(super) async fn enable(
    manager: &KeyManager,
    id: KeyId,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    print(manager, &manager.enable_key(id, &actor()?).await?, output)
}

fn print(manager: &KeyManager, key: &Key, output: &mut Output<'_>) -> Result<(), CliError> {
    let now = manager.clock().now().wall();
    Ok(output.result(&KeyDto::new(key, now), || describe(key, None, now))?)
}
