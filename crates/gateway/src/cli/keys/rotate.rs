use clap::Args;
use portcullis::KeyManager;
use portcullis::key::KeyId;
use portcullis::manager::Rotation;

use super::create::print;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::config::HumanDuration;

#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
    /// The key's id, a UUID
    #[arg(value_parser = checked::<KeyId>())]
    id: KeyId,
    /// How long the older tokens still count, 0s to 366d; the configuration's default without it
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    grace: Option<HumanDuration>,
}

pub(super) async fn rotate(
    manager: &KeyManager,
    args: RotateArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let rotation = args.grace.map_or_else(Rotation::default, |grace| {
        Rotation::default().grace(grace.get())
    });
    let issued = manager.rotate_key(args.id, rotation, &actor()?).await?;
    print(manager, &issued, output)
}
