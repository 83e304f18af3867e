use std::time::Duration;

use crate::clock::Timestamp;
use crate::key::{Environment, Key, KeyName, Owner};
use crate::limits::Rate;
use crate::scope::Scopes;
use crate::service::ServiceName;
use crate::token::{Prefix, Token};

/// A service to create.
#[derive(Debug, Clone)]
pub struct NewService {
    pub(super) name: ServiceName,
    pub(super) quota: Option<u32>,
    pub(super) default_rate: Option<Rate>,
    pub(super) default_lifetime: Option<Duration>,
    pub(super) prefix: Option<Prefix>,
}

impl NewService {
    /// A service of this name, with the manager's defaults.
    #[must_use]
    pub fn new(name: ServiceName) -> Self {
        Self {
            name,
            quota: None,
            default_rate: None,
            default_lifetime: None,
            prefix: None,
        }
    }

    /// The most live keys, 1 to 100,000,000.
    #[must_use]
    pub fn quota(self, quota: u32) -> Self {
        Self {
            quota: Some(quota),
            ..self
        }
    }

    /// The rate of keys that have none of their own.
    #[must_use]
    pub fn default_rate(self, rate: Rate) -> Self {
        Self {
            default_rate: Some(rate),
            ..self
        }
    }

    /// How long a key lives that is created without an expiry, 1 minute to
    /// 100 years.
    #[must_use]
    pub fn default_lifetime(self, lifetime: Duration) -> Self {
        Self {
            default_lifetime: Some(lifetime),
            ..self
        }
    }

    /// The prefix of the service's tokens.
    #[must_use]
    pub fn prefix(self, prefix: Prefix) -> Self {
        Self {
            prefix: Some(prefix),
            ..self
        }
    }
}

/// A key to create.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub(super) service: ServiceName,
    pub(super) owner: Owner,
    pub(super) name: KeyName,
    pub(super) environment: Option<Environment>,
    pub(super) scopes: Scopes,
    pub(super) rate: Option<Rate>,
    pub(super) expiry: Expiry,
}

/// When a new key's life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Expiry {
    /// As the service says, or else the manager's configuration.
    #[default]
    Default,
    /// At this time, which must lie ahead.
    At(Timestamp),
    /// After this time, 1 second at least.
    In(Duration),
    /// Never; only where the configuration sets no greatest lifetime.
    Never,
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
}

/// How a key is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    pub(super) grace: Option<Duration>,
    pub(super) expected_version: Option<u64>,
}

impl Rotation {
    /// How long older secrets still count, 0 to 366 days. 0 ends them at once;
    /// any other grace ends by each node's own civil time.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self {
            grace: Some(grace),
            ..self
        }
    }

    /// Rotates only if the key's record has this version: of many who saw the
    /// same record, one wins.
    #[must_use]
    pub fn expected_version(self, version: u64) -> Self {
        Self {
            expected_version: Some(version),
            ..self
        }
    }
}

/// A key with the token that was just issued for it.
#[derive(Debug)]
pub struct Issued {
    /// The record.
    pub key: Key,
    /// The token: shown once, known to nobody afterwards.
    pub token: Token,
}
