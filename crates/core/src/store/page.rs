use crate::clock::Timestamp;
use crate::error::Invalid;
use crate::key::{Key, KeyFilter, KeyId};

/// Which keys to list, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Which keys.
    pub filter: KeyFilter,
    /// Where the page before ended; nothing for the first page.
    pub after: Option<PagePosition>,
    /// The most keys to return, 1 to 1,000.
    pub limit: u32,
    /// The time at which keys count as expired.
    pub now: Timestamp,
}

/// A page of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The keys. There may be fewer than asked for, and even none, while more
    /// follow: a store looks at a bounded number of records for each page.
    pub keys: Vec<Key>,
    /// Keys that are perhaps meant and cannot be read: they hide no other.
    /// Together with `keys` no more than asked for.
    pub damaged: Vec<DamagedKey>,
    /// Where the next page goes on; nothing after the last one.
    pub next: Option<PagePosition>,
}

/// A key whose record is not as it was written. It is accepted nowhere where it
/// is not cached; see
/// [`KeyManager::revoke_damaged_key`](crate::KeyManager::revoke_damaged_key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedKey {
    /// Its id, as the record has it; nothing where even that does not read.
    pub id: Option<KeyId>,
    /// What is wrong with it, in words; never a secret.
    pub fault: String,
}

/// A place in a listing, as the store writes it for itself. The manager signs
/// it before anybody else sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePosition(Box<[u8]>);

impl PagePosition {
    /// The most bytes of a position.
    pub const MAX_BYTES: usize = 64;

    /// The position of these 1 to 64 bytes.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where there are none, or more.
    pub fn new(bytes: &[u8]) -> Result<Self, Invalid> {
        if (1..=Self::MAX_BYTES).contains(&bytes.len()) {
            Ok(Self(bytes.into()))
        } else {
            Err(Invalid::new("position", "1 to 64 bytes"))
        }
    }

    /// The bytes, as the store wrote them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
