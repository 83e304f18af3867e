use std::time::Duration;

use crate::clock::Timestamp;
use crate::key::RevocationReason;
use crate::limits::Rate;
use crate::service::ServiceName;
use crate::token::Prefix;

/// One service, as the store keeps it and the manager shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name, unique in the store.
    pub name: ServiceName,
    /// The most live keys (neither revoked nor expired), 1 to
    /// [`Service::MAX_QUOTA`].
    pub quota: u32,
    /// The rate of keys that have none of their own; no limit where absent.
    pub default_rate: Option<Rate>,
    /// How long a key lives that is created without an expiry; the manager's
    /// default where absent.
    pub default_lifetime: Option<Duration>,
    /// The longest life that a key of it may be given; the manager's bound
    /// where absent, and never above that.
    pub max_lifetime: Option<Duration>,
    /// The prefix of its tokens; the manager's where absent.
    pub prefix: Option<Prefix>,
    /// When and why it was retired: from then on none of its keys is accepted,
    /// and none is issued.
    pub retirement: Option<Retirement>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Counts the record's changes, from 1.
    pub version: u64,
}

impl Service {
    /// The greatest quota.
    pub const MAX_QUOTA: u32 = 100_000_000;
}

/// When and why a service was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}
