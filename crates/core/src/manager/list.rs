use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::{Environment, Key, KeyFilter, KeyStatus, LastUsed, NamePart, Owner, Span};
use crate::manager::{KeyManager, cursor};
use crate::scope::Scope;
use crate::service::ServiceName;
use crate::store::{DamagedKey, Page, PagePosition, PageRequest, StoreError, StoreErrorKind};

/// Pages of the store that are read for one page here. Each looks at a bounded
/// number of records, of which few may meet the filter.
const STORE_PAGES: usize = 8;

/// Which keys to list, and from where on.
#[derive(Debug, Clone)]
pub struct ListKeys {
    filter: KeyFilter,
    limit: u32,
    cursor: Option<String>,
}

/// Defines a setter for each part of the filter, and nothing else.
macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident: $type:ty,)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $part(mut self, $part: $type) -> Self {
            self.filter.$part = Some($part);
            self
        })*
    };
}

impl ListKeys {
    /// The most keys of a page.
    pub const MAX_LIMIT: u32 = 1_000;

    /// The first 50 keys of all services.
    #[must_use]
    pub fn all() -> Self {
        Self::matching(KeyFilter::default())
    }

    /// The first 50 keys of a service.
    #[must_use]
    pub fn of(service: ServiceName) -> Self {
        Self::all().service(service)
    }

    /// The first 50 keys that meet the filter.
    #[must_use]
    pub fn matching(filter: KeyFilter) -> Self {
        Self {
            filter,
            limit: 50,
            cursor: None,
        }
    }

    parts! {
        /// Those of this service alone.
        service: ServiceName,
        /// Those of this owner alone.
        owner: Owner,
        /// Those of this environment alone.
        environment: Environment,
        /// Those alone that are this now.
        status: KeyStatus,
        /// Those alone that are granted exactly this scope.
        scope: Scope,
        /// Those alone that were created within this time.
        created: Span,
        /// Those alone that were last used within some time, or never.
        last_used: LastUsed,
        /// Those alone whose expiry lies before this time, expired ones among
        /// them: with [`KeyStatus::Active`], those that end soon.
        expires_before: Timestamp,
        /// Those alone with this text in the name.
        name: NamePart,
    }

    /// At most so many keys, 1 to 1,000.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// The page that follows the one which returned this cursor. The filter
    /// must be the same as for that one; the limit may be another.
    #[must_use]
    pub fn cursor(self, cursor: impl Into<String>) -> Self {
        Self {
            cursor: Some(cursor.into()),
            ..self
        }
    }
}

/// One page of keys.
///
/// It may hold fewer keys than asked for, and even none, while `next` is
/// there: looking for few keys among many is done in bounded pieces. The
/// listing is at its end when `next` is absent, and only then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, in the store's order: by creation, where the filter asks for
    /// nothing but a service.
    pub keys: Vec<Key>,
    /// Keys that are perhaps meant and whose records cannot be read: they hide
    /// no other.
    pub damaged: Vec<DamagedKey>,
    /// The cursor of the next page; nothing after the last one.
    pub next: Option<String>,
}

impl KeyManager {
    /// Lists keys, a page at a time. A key that comes or goes meanwhile moves
    /// no other to another page.
    ///
    /// # What a page costs
    ///
    /// `SqliteStore` has an index for each filter of this table: such a page
    /// costs the same however many keys there are.
    ///
    /// | the filter has | and may have |
    /// |---|---|
    /// | nothing | service, environment, created |
    /// | any of owner, scope, name and never used | service, environment, created |
    /// | last used within | service |
    /// | expires before, with or without a status | service |
    /// | status | service |
    ///
    /// Where several parts lead to keys by their creation (the first two rows),
    /// their entries are walked together: the rarest part sets the pace, and
    /// what counts is how many of its entries lie between two keys that meet
    /// all parts.
    ///
    /// Every other combination is found by the first row of this order that
    /// applies (any of owner, scope, name and never used; last used; expires
    /// before; created; status), and each key that is met there is held against
    /// the rest.
    ///
    /// A page looks at a bounded number of entries whatever the filter is, and
    /// then is short, or empty, with [`KeyPage::next`] to go on. `MemoryStore`
    /// has an index by service alone, with the same bound.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cursor`] for a cursor that was not made for this listing,
    /// [`ErrorKind::Invalid`] for a limit out of range,
    /// [`ErrorKind::NotFound`] where there is no such service.
    pub async fn list_keys(&self, request: ListKeys) -> Result<KeyPage, Error> {
        let ListKeys {
            filter,
            limit,
            cursor,
        } = request;
        if !(1..=ListKeys::MAX_LIMIT).contains(&limit) {
            return Err(Invalid::new("limit", "1 to 1,000 keys").into());
        }
        let shared = self.shared();
        let after = cursor
            .map(|cursor| cursor::decode(&shared.keyring, &filter, &cursor))
            .transpose()?;
        if let Some(service) = &filter.service {
            self.known_service(service).await?;
        }
        let mut request = PageRequest {
            filter,
            after,
            limit,
            now: shared.clock.now().wall(),
        };
        let (mut keys, mut damaged, mut pages) = (Vec::new(), Vec::new(), 0);
        let next = loop {
            let page = shared.within(shared.store.page(request.clone())).await;
            let Page {
                keys: found,
                damaged: unread,
                next,
            } = page.map_err(|error| misplaced(error, &request))?;
            let of_both = found.len().saturating_add(unread.len());
            request.limit = request.limit.saturating_sub(count(of_both));
            keys.extend(found);
            damaged.extend(unread);
            pages += 1;
            if next.is_none() || request.limit == 0 || pages == STORE_PAGES {
                break next;
            }
            request.after = next;
        };
        let sign =
            |position: PagePosition| cursor::encode(&shared.keyring, &request.filter, &position);
        let next = next.map(sign);
        Ok(KeyPage {
            keys,
            damaged,
            next,
        })
    }
}

fn count(keys: usize) -> u32 {
    u32::try_from(keys).unwrap_or(u32::MAX)
}

/// A position that we signed and the store does not know any more.
fn misplaced(error: StoreError, request: &PageRequest) -> Error {
    if error.kind() == StoreErrorKind::Invalid && request.after.is_some() {
        let message = "invalid cursor: the store orders this listing in another way by now";
        return Error::with_source(ErrorKind::Cursor, message, error);
    }
    error.into()
}
