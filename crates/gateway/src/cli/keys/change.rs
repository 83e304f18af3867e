use portcullis::KeyManager;
use portcullis::key::{Key, KeyId};

use super::describe::describe;
use crate::cli::actor::actor;
use crate::cli::dto::KeyDto;
use crate::cli::error::CliError;
use crate::cli::output::Output;

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

/// Prints a key as it is after a change.
pub(super) fn print(
    manager: &KeyManager,
    key: &Key,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let now = manager.clock().now().wall();
    Ok(output.result(&KeyDto::new(key, now), || describe(key, None, now))?)
}
