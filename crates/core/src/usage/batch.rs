use crate::clock::Timestamp;
use crate::key::KeyId;

/// The counters of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Requests for which the key was found good.
    pub granted: u64,
    /// Requests that proved the key and were refused: revoked, disabled,
    /// expired, rotated, of another service or environment, or without a
    /// permission.
    pub refused: u64,
    /// Granted requests that a limit then turned away.
    pub throttled: u64,
    /// When the key was last found good.
    pub last_used_at: Option<Timestamp>,
}

/// One process, from its start to its end: random, so that no two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId([u8; 16]);

impl NodeId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// The id's bytes, to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What one node counted since its last acknowledged batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageBatch {
    /// The node that counted.
    pub node: NodeId,
    /// The batch's number, from 1; the next one is taken only after this one
    /// was acknowledged.
    pub number: u64,
    /// When the batch was frozen, so that stores can forget nodes long gone.
    pub at: Timestamp,
    /// One row per key used.
    pub rows: Vec<UsageDelta>,
}

/// What is added to one key's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDelta {
    /// The key.
    pub key: KeyId,
    /// What to add; the last use is the later of both.
    pub usage: Usage,
}
