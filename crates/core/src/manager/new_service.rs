use std::time::Duration;

use crate::limits::Rate;
use crate::service::ServiceName;
use crate::token::Prefix;

/// A service to create.
#[derive(Debug, Clone)]
pub struct NewService {
    pub(super) name: ServiceName,
    pub(super) quota: Option<u32>,
    pub(super) default_rate: Option<Rate>,
    pub(super) default_lifetime: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
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
            max_lifetime: None,
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
    /// 100 years, and no longer than the greatest lifetime.
    #[must_use]
    pub fn default_lifetime(self, lifetime: Duration) -> Self {
        Self {
            default_lifetime: Some(lifetime),
            ..self
        }
    }

    /// The longest life that a key may be given, 1 minute to 100 years, and no
    /// longer than the manager's.
    #[must_use]
    pub fn max_lifetime(self, lifetime: Duration) -> Self {
        Self {
            max_lifetime: Some(lifetime),
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
