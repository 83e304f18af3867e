use clap::Args;
use portcullis::KeyManager;
use portcullis::key::{Addresses, KeyId, KeyName, Note, Owner};
use portcullis::limits::Rate;
use portcullis::manager::{Expiry, KeyPatch};
use portcullis::scope::{Scope, Scopes};

use super::change::print;
use super::create::{joined, metadata, read_metadata};
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::input::TextSource;
use crate::cli::output::Output;
use crate::cli::patch::{PatchArgs, given};
use crate::cli::when::When;

#[derive(Debug, Args)]
#[command(mut_arg("patch", |patch| patch.conflicts_with("key_fields")))]
pub(in crate::cli) struct UpdateArgs {
    /// The key's id, a UUID
    #[arg(value_parser = checked::<KeyId>())]
    id: KeyId,
    #[command(flatten)]
    how: PatchArgs,
    #[command(flatten)]
    fields: FieldArgs,
}

/// What is changed.
#[derive(Debug, Args)]
#[group(id = "key_fields", multiple = true)]
struct FieldArgs {
    /// What people call it: 1 to 128 characters
    #[arg(long, value_parser = checked::<KeyName>())]
    name: Option<KeyName>,
    /// Who it belongs to: 1 to 128 characters
    #[arg(long, value_parser = checked::<Owner>())]
    owner: Option<Owner>,
    /// What it may do, instead of what it might; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = checked::<Scope>())]
    scopes: Vec<Scope>,
    /// Grant nothing
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// How often it may be used, for example '10/m burst 20'
    #[arg(long, value_parser = checked::<Rate>(), allow_hyphen_values = true)]
    rate: Option<Rate>,
    /// The service's default rate
    #[arg(long, conflicts_with = "rate")]
    no_rate: bool,
    /// When its life ends; a duration looks ahead, for example 90d
    #[arg(long, value_name = "WHEN", value_parser = checked::<When>(), allow_hyphen_values = true)]
    expires: Option<When>,
    /// Let nothing but a revocation end its life
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
    /// A network from which alone it may be used, instead of those before; may be repeated
    #[arg(long = "address", value_name = "NETWORK", value_parser = checked::<Addresses>())]
    addresses: Vec<Addresses>,
    /// Let it be used from everywhere
    #[arg(long, conflicts_with = "addresses")]
    any_address: bool,
    /// What to keep with it, as a whole: a JSON object, or @FILE, or - for standard input
    #[arg(
        long,
        value_name = "JSON",
        value_parser = checked::<TextSource>(),
        allow_hyphen_values = true
    )]
    metadata: Option<TextSource>,
    /// Keep nothing with it
    #[arg(long, conflicts_with = "metadata")]
    no_metadata: bool,
    /// What to remember of it: 1 to 512 characters
    #[arg(long, value_name = "TEXT", value_parser = checked::<Note>())]
    note: Option<Note>,
    /// Remember nothing of it
    #[arg(long, conflicts_with = "note")]
    no_note: bool,
}

impl UpdateArgs {
    /// Reads the patch or the metadata, where they lie outside the arguments.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        match self.how.read(output)? {
            Some(patch) => Ok(patch),
            None => read_metadata(self.fields.metadata.as_ref(), output),
        }
    }
}

pub(super) async fn update(
    manager: &KeyManager,
    args: UpdateArgs,
    read: &[u8],
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let UpdateArgs { id, how, fields } = args;
    let mut patch = how.patch(read, || fields.patch(read))?;
    if let Some(version) = how.if_version {
        patch = patch.expected_version(version);
    }
    let key = manager.update_key(id, patch, &actor()?).await?;
    print(manager, &key, output)
}

impl FieldArgs {
    fn patch(self, read: &[u8]) -> Result<KeyPatch, CliError> {
        let scopes = Scopes::new(self.scopes)?;
        let scopes = given(self.no_scopes, Some(scopes).filter(|set| !set.is_empty()));
        let addresses = joined(&self.addresses)?;
        let addresses = Some(addresses).filter(|list| !list.is_empty());
        let kept = self.metadata.as_ref();
        let kept = kept.map(|source| metadata(source, read)).transpose()?;
        let mut patch = KeyPatch::new()
            .scopes(scopes)
            .rate(given(self.no_rate, self.rate))
            .addresses(given(self.any_address, addresses))
            .metadata(given(self.no_metadata, kept))
            .note(given(self.no_note, self.note));
        if let Some(name) = self.name {
            patch = patch.name(name);
        }
        if let Some(owner) = self.owner {
            patch = patch.owner(owner);
        }
        let expiry = match self.expires {
            Some(When::At(at)) => Some(Expiry::At(at)),
            Some(When::Away(life)) => Some(Expiry::In(life)),
            None => self.no_expiry.then_some(Expiry::Never),
        };
        Ok(match expiry {
            Some(expiry) => patch.expiry(expiry),
            None => patch,
        })
    }
}
