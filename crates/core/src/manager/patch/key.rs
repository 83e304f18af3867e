use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::Invalid;
use crate::key::{Addresses, KeyName, Metadata, Note, Owner};
use crate::limits::Rate;
use crate::manager::members::{Members, addresses, object, parsed, scopes};
use crate::manager::{Expiry, Patch};
use crate::scope::Scopes;

/// A change to a key. What is not named stays as it is.
///
/// Parses from a JSON merge patch (RFC 7396) over `name`, `owner`, `scopes` and
/// `addresses` (lists of text), `rate`, `expires_at` (RFC 3339), `metadata` (an
/// object, whose members are patched each by itself) and `note`.
///
/// ```
/// use portcullis_core::manager::{KeyPatch, Patch};
///
/// let typed = KeyPatch::new().scopes("orders:read".parse::<portcullis_core::scope::Scopes>()?).rate(Patch::Clear);
/// let json: KeyPatch = r#"{"scopes": ["orders:read"], "rate": null}"#.parse()?;
/// assert_eq!(typed, json);
/// # Ok::<(), portcullis_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPatch {
    pub(in crate::manager) name: Option<KeyName>,
    pub(in crate::manager) owner: Option<Owner>,
    pub(in crate::manager) scopes: Patch<Scopes>,
    pub(in crate::manager) rate: Patch<Rate>,
    pub(in crate::manager) expiry: Option<Expiry>,
    pub(in crate::manager) addresses: Patch<Addresses>,
    metadata: MetadataPatch,
    pub(in crate::manager) note: Patch<Note>,
    pub(in crate::manager) expected_version: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Default)]
enum MetadataPatch {
    #[default]
    Keep,
    Replace(Metadata),
    Merge(Map<String, Value>),
}

/// What a key's record has and nobody changes, or only in another way.
const IMMUTABLE: [&str; 12] = [
    "id",
    "service",
    "environment",
    "prefix",
    "status",
    "created_at",
    "created_by",
    "revoked_at",
    "revocation_reason",
    "secrets",
    "usage",
    "version",
];

impl KeyPatch {
    /// A change of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What people call it.
    #[must_use]
    pub fn name(self, name: KeyName) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }

    /// Who it belongs to.
    #[must_use]
    pub fn owner(self, owner: Owner) -> Self {
        Self {
            owner: Some(owner),
            ..self
        }
    }

    /// What it may do; cleared, nothing that needs a permission.
    #[must_use]
    pub fn scopes(self, scopes: impl Into<Patch<Scopes>>) -> Self {
        Self {
            scopes: scopes.into(),
            ..self
        }
    }

    /// A rate of its own; cleared, the service's default.
    #[must_use]
    pub fn rate(self, rate: impl Into<Patch<Rate>>) -> Self {
        Self {
            rate: rate.into(),
            ..self
        }
    }

    /// When its life ends. A greatest lifetime is counted from the key's
    /// creation, and a key that has expired stays so.
    #[must_use]
    pub fn expiry(self, expiry: Expiry) -> Self {
        Self {
            expiry: Some(expiry),
            ..self
        }
    }

    /// From where it may be used; cleared, from everywhere.
    #[must_use]
    pub fn addresses(self, addresses: impl Into<Patch<Addresses>>) -> Self {
        Self {
            addresses: addresses.into(),
            ..self
        }
    }

    /// What users keep with it, as a whole; cleared, nothing.
    #[must_use]
    pub fn metadata(self, metadata: impl Into<Patch<Metadata>>) -> Self {
        let metadata = metadata.into().either(
            MetadataPatch::Keep,
            MetadataPatch::Replace(Metadata::default()),
            MetadataPatch::Replace,
        );
        Self { metadata, ..self }
    }

    /// What people want to remember of it; cleared, nothing.
    #[must_use]
    pub fn note(self, note: impl Into<Patch<Note>>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }

    /// Changes the key only if its record has this version: whoever saw an
    /// older one gets a conflict.
    #[must_use]
    pub fn expected_version(self, version: u64) -> Self {
        Self {
            expected_version: Some(version),
            ..self
        }
    }

    /// The metadata after the change.
    pub(in crate::manager) fn metadata_of(&self, present: &Metadata) -> Result<Metadata, Invalid> {
        match &self.metadata {
            MetadataPatch::Keep => Ok(present.clone()),
            MetadataPatch::Replace(metadata) => Ok(metadata.clone()),
            MetadataPatch::Merge(members) => present.merged(members),
        }
    }

    /// Whether it changes nothing of what a key is worth: notes and metadata
    /// alone, which stay open to people when the key's life is over.
    pub(in crate::manager) fn is_remark(&self) -> bool {
        let remarks = Self {
            metadata: self.metadata.clone(),
            note: self.note.clone(),
            expected_version: self.expected_version,
            ..Self::default()
        };
        *self == remarks
    }
}

impl FromStr for KeyPatch {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut members = Members::read("patch", text)?;
        let expires_at = members.patch("expires_at", parsed)?;
        let metadata = members.patch("metadata", object)?;
        let patch = Self {
            name: members.optional("name", parsed)?,
            owner: members.optional("owner", parsed)?,
            scopes: members.patch("scopes", scopes)?,
            rate: members.patch("rate", parsed)?,
            expiry: expires_at.either(None, Some(Expiry::Never), |at| Some(Expiry::At(at))),
            addresses: members.patch("addresses", addresses)?,
            metadata: metadata.either(
                MetadataPatch::Keep,
                MetadataPatch::Replace(Metadata::default()),
                MetadataPatch::Merge,
            ),
            note: members.patch("note", parsed)?,
            expected_version: None,
        };
        members.end(&IMMUTABLE)?;
        Ok(patch)
    }
}

/// What users keep is not for logs.
impl fmt::Debug for MetadataPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Replace(_) => "Replace(..)",
            Self::Merge(_) => "Merge(..)",
        })
    }
}
