//! Proof that a token was found good.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::cache::Entry;
use crate::clock::Moment;
use crate::key::{Environment, Key, KeyId, KeyName, Metadata, Owner, Secret};
use crate::limits::Rate;
use crate::scope::{Requirement, Scopes};
use crate::service::{Service, ServiceName};

/// Proof that a token was found good, and whose it is.
///
/// Only the manager makes one: a handler that asks for a `Grant` cannot be
/// reached without a valid key. Cheap to clone.
#[derive(Clone)]
pub struct Grant {
    entry: Arc<Entry>,
    service: Arc<Service>,
    /// The proved secret's place within the entry.
    secret: usize,
    moment: Moment,
}

impl Grant {
    pub(crate) fn new(
        entry: Arc<Entry>,
        service: Arc<Service>,
        secret: usize,
        moment: Moment,
    ) -> Self {
        Self {
            entry,
            service,
            secret,
            moment,
        }
    }

    /// The key's stable id.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key().id
    }

    /// Who the key was issued to.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.key().owner
    }

    /// What people call the key.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.key().name
    }

    /// The service for which it was issued.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        &self.service.name
    }

    /// The environment for which it was issued.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.key().environment
    }

    /// What the key may do.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.key().scopes
    }

    /// What users keep with the key.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.key().metadata
    }

    /// Whether the key's scopes meet the requirement.
    #[must_use]
    pub fn meets(&self, requirement: &Requirement) -> bool {
        requirement.is_met_by(self.scopes())
    }

    /// The rate that applies: the key's own, or else its service's default.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        self.key().rate.or(self.service.default_rate)
    }

    /// When the token was looked at: the request's one reading of the clock.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Counts a request that was granted and that a limit then turned away.
    pub fn record_throttled(&self) {
        if let Some(usage) = self.entry.usage(self.secret) {
            usage.record_throttled();
        }
    }

    /// A place beside the cached key where one layer above keeps a shortcut,
    /// made by `make` at the first use; nothing where another type was put
    /// there first. It goes when the cached entry goes, and is never the owner
    /// of what must last.
    pub fn shortcut<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.entry.shortcut(make)
    }

    /// The record by which it was granted.
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The proved secret, as that record has it.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.key().secrets.get(self.secret)
    }

    fn key(&self) -> &Key {
        self.entry.key()
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("key", &self.key_id())
            .field("service", self.service())
            .field("environment", &self.environment())
            .field("owner", self.owner())
            .field("scopes", self.scopes())
            .finish()
    }
}
