use std::str::FromStr;

use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Invalid};
use crate::key::KeyId;
use crate::service::ServiceName;

/// One event of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who, and from where.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// The service concerned.
    pub service: Option<ServiceName>,
    /// The key concerned.
    pub key: Option<KeyId>,
    /// Which fields changed, and how.
    pub changes: Vec<FieldChange>,
    /// Whether it was done.
    pub outcome: Outcome,
}

impl AuditEvent {
    /// The text of a field after the change.
    pub(crate) fn new_text(&self, field: &str) -> Option<&str> {
        let found = self.changes.iter().find(|change| change.field == field);
        found?.after.as_deref()
    }
}

/// How a change that somebody asked for ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, with an error of this kind; nothing changed.
    Refused(ErrorKind),
}

/// One field before and after a change; absent where it did not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// Its text before.
    pub before: Option<String>,
    /// Its text after.
    pub after: Option<String>,
}

/// What can be done to services, keys, the keyring and the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A service was created.
    ServiceCreate,
    /// A service's record was changed.
    ServiceUpdate,
    /// A service was retired for good.
    ServiceRetire,
    /// A key was issued.
    KeyCreate,
    /// A key's record was changed.
    KeyUpdate,
    /// A key got a new secret.
    KeyRotate,
    /// A key was revoked for good.
    KeyRevoke,
    /// A key was disabled.
    KeyDisable,
    /// A key was enabled again.
    KeyEnable,
    /// A root of the keyring was retired.
    KeyringRetire,
    /// A place of the audit chain was signed.
    AuditAnchor,
    /// Audit events were removed by age.
    AuditPrune,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::ServiceCreate,
        Self::ServiceUpdate,
        Self::ServiceRetire,
        Self::KeyCreate,
        Self::KeyUpdate,
        Self::KeyRotate,
        Self::KeyRevoke,
        Self::KeyDisable,
        Self::KeyEnable,
        Self::KeyringRetire,
        Self::AuditAnchor,
        Self::AuditPrune,
    ];

    /// The action as text, for example `key.rotate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceCreate => "service.create",
            Self::ServiceUpdate => "service.update",
            Self::ServiceRetire => "service.retire",
            Self::KeyCreate => "key.create",
            Self::KeyUpdate => "key.update",
            Self::KeyRotate => "key.rotate",
            Self::KeyRevoke => "key.revoke",
            Self::KeyDisable => "key.disable",
            Self::KeyEnable => "key.enable",
            Self::KeyringRetire => "keyring.retire",
            Self::AuditAnchor => "audit.anchor",
            Self::AuditPrune => "audit.prune",
        }
    }
}

impl FromStr for Action {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| Invalid::new("action", "an action that this version knows"))
    }
}
