use std::str::FromStr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Invalid;
use crate::key::{Addresses, Environment, Key, KeyName, Metadata, Note, Owner};
use crate::limits::Rate;
use crate::manager::members::{Members, addresses, metadata, parsed, scopes};
use crate::scope::Scopes;
use crate::service::ServiceName;
use crate::token::Token;

/// A key to create.
///
/// Parses from a JSON object: `service`, `owner` and `name` must be there,
/// `environment`, `scopes`, `rate`, `expires_at` (null for never), `addresses`,
/// `metadata` and `note` may. See [`KeyPatch`](super::KeyPatch) for their form.
///
/// ```
/// use portcullis_core::manager::NewKey;
///
/// let json = r#"{"service": "orders", "owner": "acme", "name": "nightly job",
///     "scopes": ["orders:read"], "addresses": ["192.0.2.0/24"]}"#;
/// let new: NewKey = json.parse()?;
/// # Ok::<(), portcullis_core::Invalid>(())
/// ```
#[derive(Debug, Clone)]
pub struct NewKey {
    pub(super) service: ServiceName,
    pub(super) owner: Owner,
    pub(super) name: KeyName,
    pub(super) environment: Option<Environment>,
    pub(super) scopes: Scopes,
    pub(super) rate: Option<Rate>,
    pub(super) expiry: Expiry,
    pub(super) addresses: Addresses,
    pub(super) metadata: Metadata,
    pub(super) note: Option<Note>,
}

/// When a key's life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Expiry {
    /// As the service says, or else the manager's configuration; no later than
    /// the service's greatest lifetime allows.
    #[default]
    Default,
    /// At this time, which must lie ahead.
    At(Timestamp),
    /// After this time, 1 second at least.
    In(Duration),
    /// Never; only where neither service nor manager sets a greatest lifetime.
    Never,
}

/// A key with the token that was just issued for it.
#[derive(Debug)]
pub struct Issued {
    /// The record.
    pub key: Key,
    /// The token: shown once, known to nobody afterwards.
    pub token: Token,
}

impl NewKey {
    /// A key of `service` for `owner`, without scopes, in the manager's
    /// default environment and with the default expiry and rate.
    #[must_use]
    pub fn new(service: ServiceName, owner: Owner, name: KeyName) -> Self {
        Self {
            service,
            owner,
            name,
            environment: None,
            scopes: Scopes::default(),
            rate: None,
            expiry: Expiry::Default,
            addresses: Addresses::default(),
            metadata: Metadata::default(),
            note: None,
        }
    }

    /// The one environment in which the key counts.
    #[must_use]
    pub fn environment(self, environment: Environment) -> Self {
        Self {
            environment: Some(environment),
            ..self
        }
    }

    /// What the key may do.
    #[must_use]
    pub fn scopes(self, scopes: Scopes) -> Self {
        Self { scopes, ..self }
    }

    /// A rate of its own.
    #[must_use]
    pub fn rate(self, rate: Rate) -> Self {
        Self {
            rate: Some(rate),
            ..self
        }
    }

    /// When its life ends.
    #[must_use]
    pub fn expiry(self, expiry: Expiry) -> Self {
        Self { expiry, ..self }
    }

    /// From where it may be used; from everywhere without this.
    #[must_use]
    pub fn addresses(self, addresses: Addresses) -> Self {
        Self { addresses, ..self }
    }

    /// What users keep with it.
    #[must_use]
    pub fn metadata(self, metadata: Metadata) -> Self {
        Self { metadata, ..self }
    }

    /// What people want to remember of it.
    #[must_use]
    pub fn note(self, note: Note) -> Self {
        Self {
            note: Some(note),
            ..self
        }
    }
}

impl FromStr for NewKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut members = Members::read("new key", text)?;
        let mut new = Self::new(
            members.required("service", parsed)?,
            members.required("owner", parsed)?,
            members.required("name", parsed)?,
        );
        new.environment = members.optional("environment", parsed)?;
        new.scopes = members.optional("scopes", scopes)?.unwrap_or_default();
        new.rate = members.optional("rate", parsed)?;
        new.expiry =
            members
                .patch("expires_at", parsed)?
                .either(Expiry::Default, Expiry::Never, Expiry::At);
        let allowed = members.optional("addresses", addresses)?;
        new.addresses = allowed.unwrap_or_default();
        new.metadata = members.optional("metadata", metadata)?.unwrap_or_default();
        new.note = members.optional("note", parsed)?;
        members.end(&[])?;
        Ok(new)
    }
}
