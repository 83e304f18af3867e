use crate::error::{Error, Invalid};
use crate::key::Key;
use crate::manager::{KeyManager, cursor};
use crate::service::ServiceName;
use crate::store::{PagePosition, PageRequest};

/// Which keys to list, and from where on.
#[derive(Debug, Clone)]
pub struct ListKeys {
    service: ServiceName,
    limit: u32,
    cursor: Option<String>,
}

impl ListKeys {
    /// The most keys of a page.
    pub const MAX_LIMIT: u32 = 1_000;

    /// The first 50 keys of a service, the oldest first.
    #[must_use]
    pub fn new(service: ServiceName) -> Self {
        Self {
            service,
            limit: 50,
            cursor: None,
        }
    }

    /// At most so many keys, 1 to 1,000.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// The page that follows the one which returned this cursor.
    #[must_use]
    pub fn cursor(self, cursor: impl Into<String>) -> Self {
        Self {
            cursor: Some(cursor.into()),
            ..self
        }
    }
}

/// One page of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, by creation.
    pub keys: Vec<Key>,
    /// The cursor of the next page; nothing after the last one.
    pub next: Option<String>,
}

impl KeyManager {
    /// Lists the keys of a service, a page at a time. The cost of a page does
    /// not depend on how many keys there are, and a key that comes or goes
    /// meanwhile moves no other to another page.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cursor`](crate::ErrorKind::Cursor) for a cursor that was not made for this listing,
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a limit out of range,
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no such service.
    pub async fn list_keys(&self, request: ListKeys) -> Result<KeyPage, Error> {
        if !(1..=ListKeys::MAX_LIMIT).contains(&request.limit) {
            return Err(Invalid::new("limit", "1 to 1,000 keys").into());
        }
        let (shared, service) = (self.shared(), request.service);
        let after = request
            .cursor
            .map(|cursor| cursor::decode(&shared.keyring, &service, &cursor));
        self.service(&service).await?;
        // One more than asked for tells whether there is another page.
        let page = PageRequest {
            service: service.clone(),
            after: after.transpose()?,
            limit: request.limit + 1,
        };
        let mut keys = shared.within(shared.store.page(page)).await?;
        let more = keys.len() > request.limit as usize;
        keys.truncate(request.limit as usize);
        let next = keys.last().filter(|_| more).map(|last| {
            let position = PagePosition {
                created_at: last.created_at,
                id: last.id,
            };
            cursor::encode(&shared.keyring, &service, position)
        });
        Ok(KeyPage { keys, next })
    }
}
