use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::audit::digits;
use crate::error::Invalid;
use crate::store::StoredEvent;

/// What the events of a trail are, up to one of them: SHA-256 over that of the
/// event before and the whole of this one. Without a key, so that it can be
/// computed by whoever lacks the root that signed an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content([u8; 32]);

impl Content {
    /// That of no event. What follows a pruning that told no content, by an
    /// earlier version, begins with it as well.
    pub(crate) const EMPTY: Self = Self([0; 32]);

    /// The content up to `event`, which follows one with the chain's value
    /// `previous`.
    pub(crate) fn with(self, previous: &[u8; 32], event: &StoredEvent) -> Self {
        let root = event.root.as_str();
        // The name is of 32 characters at most, and alone of what stands before
        // the bytes varies in length.
        let sum = Sha256::new()
            .chain_update(self.0)
            .chain_update(event.sequence.to_be_bytes())
            .chain_update(previous)
            .chain_update(event.mac)
            .chain_update([root.len() as u8])
            .chain_update(root)
            .chain_update(&event.bytes);
        Self(sum.finalize().into())
    }
}

/// 64 hexadecimal digits in lower case.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits::write(&self.0, f)
    }
}

/// Reads what `Display` writes.
impl FromStr for Content {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let content = digits::read(text).map(Self);
        content.ok_or_else(|| Invalid::new("content", "64 hexadecimal digits"))
    }
}
