use clap::Args;
use portcullis::KeyManager;
use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyId};
use portcullis::manager::Rotation;
use portcullis::usage::KeyUsage;

use super::create::print_token;
use super::describe::describe;
use super::list::usage_of;
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
    /// Only if the key is still of this version
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
}

pub(super) async fn rotate(
    manager: &KeyManager,
    args: RotateArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut rotation = Rotation::default();
    if let Some(grace) = args.grace {
        rotation = rotation.grace(grace.get());
    }
    if let Some(version) = args.if_version {
        rotation = rotation.expected_version(version);
    }
    let issued = manager.rotate_key(args.id, rotation, &actor()?).await?;
    // The token comes first: that its use cannot be read is no reason to lose it.
    let usage = usage_of(manager, args.id).await.ok();
    print_token(manager, &issued, output, |now| {
        told(&issued.key, usage.as_ref(), now)
    })
}

/// The key, and what to look at until the rotation is done.
fn told(key: &Key, usage: Option<&KeyUsage>, now: Timestamp) -> String {
    let mut text = describe(key, usage, now);
    let (newest, older) = match key.secrets.split_last() {
        Some((newest, older)) => (newest.number, older),
        None => return text,
    };
    let live: Vec<_> = older.iter().filter(|secret| secret.is_live(now)).collect();
    if let Some(end) = live.iter().filter_map(|secret| secret.ends_at).max() {
        let id = key.id;
        let numbers: Vec<String> = live
            .iter()
            .map(|secret| secret.number.to_string())
            .collect();
        let plural = if live.len() == 1 { "" } else { "s" };
        text.push_str(&format!(
            "\n\nPut secret {newest} in place of secret{plural} {} before {end}. \
             portcullis keys show {id} tells when each was last used.",
            numbers.join(", ")
        ));
    }
    text
}
