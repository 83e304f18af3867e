//! The answer of validation.

use std::time::Duration;

use crate::grant::Grant;
use crate::key::KeyId;

/// What validation says of a presented token. Never an error, never a panic.
///
/// Exhaustive on purpose: a catch-all arm is where a gate comes to stand open.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The token is good for what is guarded.
    Granted(Grant),
    /// It is not, and why.
    Denied(Denial),
    /// Nobody can say now: neither good nor bad.
    Unavailable(Unavailability),
}

/// A refusal, with what logs and metrics may know of it. Clients see less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    reason: DenialReason,
    key: Option<KeyId>,
}

impl Denial {
    pub(crate) const fn new(reason: DenialReason, key: Option<KeyId>) -> Self {
        Self { reason, key }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> DenialReason {
        self.reason
    }

    /// The id that the token named, where it had a token's form. It is proved
    /// only where the reason lies beyond the secret.
    #[must_use]
    pub const fn key(&self) -> Option<KeyId> {
        self.key
    }
}

/// Why a token was refused, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DenialReason {
    /// Not of a token's form.
    Malformed,
    /// A typing error: the checksum differs.
    Checksum,
    /// Never issued by this keyring: the tag differs.
    Tag,
    /// No key of this id exists.
    Unknown,
    /// The key exists; the secret is none of its.
    Secret,
    /// The key was revoked.
    Revoked,
    /// The key is disabled.
    Disabled,
    /// The key's life is over.
    Expired,
    /// The secret was rotated away and its grace is over.
    Rotated,
    /// The key's service is retired.
    Retired,
    /// The key was issued for another service, or for one that the store does
    /// not have.
    Service,
    /// The key was issued for another environment.
    Environment,
    /// The key may not be used from this address, or from one that is not
    /// known.
    Address,
    /// The key is good, and lacks a permission.
    Permission,
}

impl DenialReason {
    /// How many reasons there are.
    pub(crate) const COUNT: usize = 14;

    /// Every reason, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Malformed,
        Self::Checksum,
        Self::Tag,
        Self::Unknown,
        Self::Secret,
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::Rotated,
        Self::Retired,
        Self::Service,
        Self::Environment,
        Self::Address,
        Self::Permission,
    ];

    /// The reason as one lower-case word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Checksum => "checksum",
            Self::Tag => "tag",
            Self::Unknown => "unknown",
            Self::Secret => "secret",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Rotated => "rotated",
            Self::Retired => "retired",
            Self::Service => "service",
            Self::Environment => "environment",
            Self::Address => "address",
            Self::Permission => "permission",
        }
    }
}

/// That nothing can be said now, why, and when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailability {
    cause: UnavailableCause,
    retry_after: Duration,
}

impl Unavailability {
    pub(crate) const fn new(cause: UnavailableCause, retry_after: Duration) -> Self {
        Self { cause, retry_after }
    }

    /// Why.
    #[must_use]
    pub const fn cause(&self) -> UnavailableCause {
        self.cause
    }

    /// How long to wait before asking again.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnavailableCause {
    /// The store failed or did not answer in time.
    Store,
    /// Too many look-ups are waiting for the store.
    Overloaded,
    /// The record changed faster than it could be read.
    Contended,
    /// This keyring lacks a root of the store: the digest was made under it, or
    /// no root here proves the token, which may have been issued under it.
    UnknownRoot,
}

impl UnavailableCause {
    /// The cause as one lower-case word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Overloaded => "overloaded",
            Self::Contended => "contended",
            Self::UnknownRoot => "unknown_root",
        }
    }
}
