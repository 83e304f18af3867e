use crate::clock::Timestamp;
use crate::key::KeyId;
use crate::service::ServiceName;

/// Which keys to list: those of one service, by creation and id, from a
/// position on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The service whose keys are listed.
    pub service: ServiceName,
    /// The last key of the page before; nothing for the first page.
    pub after: Option<PagePosition>,
    /// The most keys to return, 1 to 1,001 (a page and one to know of more).
    pub limit: u32,
}

/// A key's place in its service's listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PagePosition {
    /// When the key was created.
    pub created_at: Timestamp,
    /// The key, for those created in the same millisecond.
    pub id: KeyId,
}
