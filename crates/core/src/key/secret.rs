use std::fmt;

use subtle::ConstantTimeEq;

use crate::clock::Timestamp;
use crate::keyring::RootName;

/// HMAC-SHA-256 over a token's prefix, environment, id and secret, under a
/// root's digest key. What is stored in place of the secret.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Compares in constant time.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// What the holder of a key proves, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its number within the key, from 1, never used again.
    pub number: u32,
    /// The digest of the token.
    pub digest: Digest,
    /// The root under which the digest was made.
    pub root: RootName,
    /// The root whose tag the token bears: that under which it was issued.
    pub issuer: RootName,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it stops to count, after a rotation; the Unix epoch where that is
    /// at once, so that it is over by every node's clock.
    pub ends_at: Option<Timestamp>,
}

impl Secret {
    /// Whether the secret still counts at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }
}
