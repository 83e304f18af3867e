use portcullis::keyring::{Keyring, RootName};
use portcullis::manager::RootStatus;
use serde::Serialize;

/// The roots of the keyring, and those that the database remembers.
#[derive(Debug, Serialize)]
pub(crate) struct RootListDto {
    pub(crate) roots: Vec<RootDto>,
}

/// A root's name and what it is for: nothing of its secret.
#[derive(Debug, Serialize)]
pub(crate) struct RootDto {
    pub(crate) name: String,
    /// `current`, `verify-only`, `retired` or `missing`.
    pub(crate) state: &'static str,
    pub(crate) in_keyring: bool,
    /// How many secrets that have not ended have their digest under the root; nothing where there
    /// is no database.
    pub(crate) digests: Option<u64>,
    /// How many tokens of such secrets bear its tag.
    pub(crate) tokens: Option<u64>,
}

/// What became of a root.
#[derive(Debug, Serialize)]
pub(crate) struct ChangedRootDto<'a> {
    pub(crate) name: &'a str,
    pub(crate) state: &'static str,
}

impl RootDto {
    /// A root of a keyring whose database does not exist yet.
    pub(crate) fn unused(keyring: &Keyring, name: &RootName) -> Self {
        Self {
            name: name.to_string(),
            state: state(keyring.current_name() == name, true, false),
            in_keyring: true,
            digests: None,
            tokens: None,
        }
    }
}

impl From<&RootStatus> for RootDto {
    fn from(root: &RootStatus) -> Self {
        Self {
            name: root.name.to_string(),
            state: state(root.current, root.in_keyring, root.retired),
            in_keyring: root.in_keyring,
            digests: Some(root.used.digests),
            tokens: Some(root.used.tokens),
        }
    }
}

fn state(current: bool, in_keyring: bool, retired: bool) -> &'static str {
    match (retired, current, in_keyring) {
        (true, _, _) => "retired",
        (_, true, _) => "current",
        (_, _, true) => "verify-only",
        _ => "missing",
    }
}
