use crate::clock::Timestamp;
use crate::key::KeyId;
use crate::usage::AddressClass;

/// What was counted of a key, or of one of its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Requests for which the key was found good.
    pub granted: u64,
    /// Requests that proved the key and were refused.
    pub refused: Refusals,
    /// Granted requests that a limit then turned away.
    pub throttled: u64,
    /// When the key was last found good, by the clock of the node that said so.
    /// One whose clock is ahead makes it look used as late as that.
    pub last_used_at: Option<Timestamp>,
    /// Where that request came from; nothing where its address was not known.
    pub last_address: Option<AddressClass>,
}

impl Usage {
    /// Adds what was counted elsewhere: counts never wrap, and the last use is
    /// the later of both.
    pub fn add(&mut self, other: &Self) {
        self.granted = self.granted.saturating_add(other.granted);
        self.refused.add(&other.refused);
        self.throttled = self.throttled.saturating_add(other.throttled);
        if other.last_used_at > self.last_used_at {
            self.last_used_at = other.last_used_at;
            self.last_address = other.last_address;
        }
    }
}

/// Requests that proved a key and were refused, by the class of the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals {
    /// The key was revoked, disabled or expired, the secret was rotated away,
    /// or the service is retired.
    pub ended: u64,
    /// The key is of another service or environment.
    pub foreign: u64,
    /// The key may not be used from the request's address.
    pub address: u64,
    /// The key lacks a permission.
    pub permission: u64,
}

impl Refusals {
    /// Refusals of every class.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.ended, self.foreign, self.address, self.permission]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn add(&mut self, other: &Self) {
        self.ended = self.ended.saturating_add(other.ended);
        self.foreign = self.foreign.saturating_add(other.foreign);
        self.address = self.address.saturating_add(other.address);
        self.permission = self.permission.saturating_add(other.permission);
    }
}

/// What a key was used for, in all and by each secret that its record has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyUsage {
    /// Everything that was ever counted of the key.
    pub total: Usage,
    /// By secret, by number. What was counted of a secret goes with it.
    pub secrets: Vec<SecretUsage>,
}

/// What was counted of one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretUsage {
    /// The secret's number within its key.
    pub number: u32,
    /// What was counted.
    pub usage: Usage,
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
    /// One row per secret used.
    pub rows: Vec<UsageDelta>,
}

/// What is added to the counters of a key and of one of its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDelta {
    /// The key.
    pub key: KeyId,
    /// The secret's number within the key.
    pub secret: u32,
    /// What to add.
    pub usage: Usage,
}
