use std::fmt;

use crate::key::KeyId;

/// The store's count of committed changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

impl Revision {
    /// The revision of `count` committed changes.
    #[must_use]
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// The number of committed changes.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a store's history stands: the revision, and the random tag of the
/// change that made it. Two stores, or two lives of one, that reach the same
/// revision have other tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many changes are committed.
    pub revision: Revision,
    /// Random, drawn anew by every change and when the store is created.
    pub tag: u64,
}

/// What has changed since a node last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changes {
    /// Exactly this, in any order.
    Some {
        /// Where the store stands now.
        head: Head,
        /// The keys that were created or changed, each at least once; at most
        /// [`Changes::MAX_KEYS`].
        keys: Vec<KeyId>,
        /// Whether any service was created or changed.
        services: bool,
    },
    /// More than fits an answer, or longer ago than is remembered: take
    /// everything as changed.
    All {
        /// Where the store stands now.
        head: Head,
    },
    /// The history that the node knows is not this store's: it was restored,
    /// replaced or reset.
    Diverged {
        /// Where the store stands now.
        head: Head,
    },
}

impl Changes {
    /// Where the store stands now.
    #[must_use]
    pub fn head(&self) -> Head {
        match self {
            Self::Some { head, .. } | Self::All { head } | Self::Diverged { head } => *head,
        }
    }

    /// The most keys in one answer.
    pub const MAX_KEYS: usize = 4_096;
}
