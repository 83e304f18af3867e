use std::str::FromStr;

use clap::Args;
use portcullis::Invalid;
use portcullis::manager::Patch;

use super::Exit;
use super::checked::checked;
use super::error::CliError;
use super::input::TextSource;
use super::output::Output;

/// More than any patch.
const PATCH_BYTES: u64 = 64 * 1_024;

/// How a record is changed, beside the arguments for its single fields.
#[derive(Debug, Args)]
pub(super) struct PatchArgs {
    /// Only if the record is still of this version
    #[arg(long, value_name = "VERSION")]
    pub(super) if_version: Option<u64>,
    /// In place of single fields a JSON merge patch (RFC 7396), or @FILE, or - for standard input
    ///
    /// What is absent stays, null goes, a value takes its place.
    #[arg(
        long,
        value_name = "JSON",
        value_parser = checked::<TextSource>(),
        allow_hyphen_values = true
    )]
    patch: Option<TextSource>,
}

impl PatchArgs {
    /// Whether there is one, in place of single fields.
    pub(super) fn is_patch(&self) -> bool {
        self.patch.is_some()
    }

    /// Reads the patch, where there is one outside of the arguments; nothing where there is none.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Option<Vec<u8>>, CliError> {
        let source = self.patch.as_ref();
        source
            .map(|source| source.read("--patch", PATCH_BYTES, output))
            .transpose()
    }

    /// The patch, of which `read` is what was read, or else that of the single fields.
    pub(super) fn patch<P>(
        &self,
        read: &[u8],
        fields: impl FnOnce() -> Result<P, CliError>,
    ) -> Result<P, CliError>
    where
        P: FromStr<Err = Invalid> + Default + PartialEq,
    {
        let patch = match &self.patch {
            Some(source) => source.text("--patch", read)?.parse().map_err(faulty)?,
            None => fields()?,
        };
        if patch == P::default() {
            let message = "nothing to change: name a field, or give a --patch";
            return Err(CliError::new(Exit::Usage, message));
        }
        Ok(patch)
    }
}

fn faulty(invalid: Invalid) -> CliError {
    CliError::new(Exit::Usage, format!("--patch: {invalid}"))
}

/// What two arguments say of one field: that it goes, or what takes its place.
pub(super) fn given<T>(none: bool, value: Option<T>) -> Patch<T> {
    match value {
        Some(value) => Patch::Set(value),
        None if none => Patch::Clear,
        None => Patch::Keep,
    }
}
