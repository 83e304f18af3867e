use std::str::FromStr;

use crate::clock::Timestamp;
use crate::error::Invalid;
use crate::key::{
    Addresses, Author, Environment, KeyId, KeyName, Metadata, Note, Owner, RevocationReason, Secret,
};
use crate::limits::Rate;
use crate::scope::Scopes;
use crate::service::ServiceName;
use crate::token::Prefix;

/// One key, as the store keeps it and the manager shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Stable for the key's whole life.
    pub id: KeyId,
    /// The one service that it was issued for.
    pub service: ServiceName,
    /// The one environment that it was issued for.
    pub environment: Environment,
    /// The prefix of its tokens.
    pub prefix: Prefix,
    /// Who it was issued to.
    pub owner: Owner,
    /// What people call it.
    pub name: KeyName,
    /// What it may do.
    pub scopes: Scopes,
    /// How often it may be used; the service's default where absent.
    pub rate: Option<Rate>,
    /// From where it may be used.
    pub addresses: Addresses,
    /// What users keep with it.
    pub metadata: Metadata,
    /// What people want to remember of it.
    pub note: Option<Note>,
    /// Active, disabled or revoked.
    pub state: KeyState,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Who issued it.
    pub created_by: Author,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// One to [`Key::MAX_SECRETS`], the newest last.
    pub secrets: Vec<Secret>,
    /// Counts the record's changes, from 1: what compare-and-swap compares.
    pub version: u64,
}

impl Key {
    /// The most secrets that count at the same time.
    pub const MAX_SECRETS: usize = 4;

    /// The state that matters at `now`. It is the key's own: the end of its
    /// service ends the key as well, whatever its status.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match &self.state {
            KeyState::Revoked(_) => KeyStatus::Revoked,
            _ if self.is_expired(now) => KeyStatus::Expired,
            KeyState::Disabled => KeyStatus::Disabled,
            KeyState::Active => KeyStatus::Active,
        }
    }

    /// Whether the key's life is over at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether the key takes room of its service's quota at `now`: it is
    /// neither revoked nor expired.
    #[must_use]
    pub fn takes_room(&self, now: Timestamp) -> bool {
        !matches!(self.state, KeyState::Revoked(_)) && !self.is_expired(now)
    }

    /// Whether the key takes room at `now`, and for longer than its record
    /// `before` would: it did not then, or it ended earlier.
    #[must_use]
    pub fn takes_more_room_than(&self, before: &Self, now: Timestamp) -> bool {
        let later = match (before.expires_at, self.expires_at) {
            (Some(before), Some(after)) => after > before,
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.takes_room(now) && (later || !before.takes_room(now))
    }
}

/// What people decided about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// In use.
    Active,
    /// Refused until it is enabled again.
    Disabled,
    /// Refused for good.
    Revoked(Revocation),
}

impl KeyState {
    /// `active`, `disabled` or `revoked`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Revoked(_) => "revoked",
        }
    }
}

/// When and why a key was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// What a key is at one moment: its state, and whether its life is over. That
/// its service is retired, which refuses all of its keys, does not show in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyStatus {
    /// In use.
    Active,
    /// Refused until it is enabled again.
    Disabled,
    /// Refused since its expiry.
    Expired,
    /// Refused for good.
    Revoked,
}

impl KeyStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Active, Self::Disabled, Self::Expired, Self::Revoked];

    /// `active`, `disabled`, `expired` or `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for KeyStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Invalid::new("status", "active, disabled, expired or revoked"))
    }
}
