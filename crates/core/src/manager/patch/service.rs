use std::str::FromStr;
use std::time::Duration;

use crate::error::Invalid;
use crate::limits::Rate;
use crate::manager::members::{Members, count, parsed, seconds};
use crate::manager::{ManagerConfig, Patch};
use crate::service::Service;
use crate::token::Prefix;

/// A change to a service. What is not named stays as it is.
///
/// Parses from a JSON merge patch (RFC 7396) over `quota`, `default_rate`,
/// `default_lifetime_seconds`, `max_lifetime_seconds` and `prefix`.
///
/// ```
/// use portcullis_core::manager::{Patch, ServicePatch};
///
/// let typed = ServicePatch::new().quota(500).default_rate(Patch::Clear);
/// let json: ServicePatch = r#"{"quota": 500, "default_rate": null}"#.parse()?;
/// assert_eq!(typed, json);
/// # Ok::<(), portcullis_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServicePatch {
    quota: Patch<u32>,
    default_rate: Patch<Rate>,
    default_lifetime: Patch<Duration>,
    max_lifetime: Patch<Duration>,
    prefix: Patch<Prefix>,
    expected_version: Option<u64>,
}

/// What a service's record has and nobody changes.
const IMMUTABLE: [&str; 5] = [
    "name",
    "created_at",
    "retired_at",
    "retirement_reason",
    "version",
];

impl ServicePatch {
    /// A change of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most live keys, 1 to 100,000,000; cleared, the manager's default. A
    /// service that holds more keeps them, and issues none until it holds
    /// fewer.
    #[must_use]
    pub fn quota(self, quota: impl Into<Patch<u32>>) -> Self {
        Self {
            quota: quota.into(),
            ..self
        }
    }

    /// The rate of keys that have none of their own; cleared, they have no
    /// limit.
    #[must_use]
    pub fn default_rate(self, rate: impl Into<Patch<Rate>>) -> Self {
        Self {
            default_rate: rate.into(),
            ..self
        }
    }

    /// How long a key lives that is created without an expiry, 1 minute to 100
    /// years; cleared, as the manager says. Keys that are there keep theirs.
    #[must_use]
    pub fn default_lifetime(self, lifetime: impl Into<Patch<Duration>>) -> Self {
        Self {
            default_lifetime: lifetime.into(),
            ..self
        }
    }

    /// The longest life that a key may be given, 1 minute to 100 years;
    /// cleared, as the manager says. Keys that are there keep theirs.
    #[must_use]
    pub fn max_lifetime(self, lifetime: impl Into<Patch<Duration>>) -> Self {
        Self {
            max_lifetime: lifetime.into(),
            ..self
        }
    }

    /// The prefix of the tokens of keys created from now on; cleared, the
    /// manager's.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<Patch<Prefix>>) -> Self {
        Self {
            prefix: prefix.into(),
            ..self
        }
    }

    /// Changes the service only if its record has this version: whoever saw an
    /// older one gets a conflict.
    #[must_use]
    pub fn expected_version(self, version: u64) -> Self {
        Self {
            expected_version: Some(version),
            ..self
        }
    }

    pub(in crate::manager) fn version(&self) -> Option<u64> {
        self.expected_version
    }

    /// The record after the change, not yet checked.
    pub(in crate::manager) fn of(&self, present: &Service, config: &ManagerConfig) -> Service {
        let quota = self.quota.of(&Some(present.quota));
        Service {
            quota: quota.unwrap_or(config.default_quota),
            default_rate: self.default_rate.of(&present.default_rate),
            default_lifetime: self.default_lifetime.of(&present.default_lifetime),
            max_lifetime: self.max_lifetime.of(&present.max_lifetime),
            prefix: self.prefix.of(&present.prefix),
            ..present.clone()
        }
    }
}

impl FromStr for ServicePatch {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut members = Members::read("patch", text)?;
        let patch = Self {
            quota: members.patch("quota", count)?,
            default_rate: members.patch("default_rate", parsed)?,
            default_lifetime: members.patch("default_lifetime_seconds", seconds)?,
            max_lifetime: members.patch("max_lifetime_seconds", seconds)?,
            prefix: members.patch("prefix", parsed)?,
            expected_version: None,
        };
        members.end(&IMMUTABLE)?;
        Ok(patch)
    }
}
