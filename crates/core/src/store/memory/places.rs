use std::collections::BTreeSet;
use std::ops::Bound;

use crate::clock::Timestamp;
use crate::key::{Key, KeyId};
use crate::service::ServiceName;
use crate::store::{Page, PagePosition, PageRequest, StoreError, StoreErrorKind};

/// The most records that are looked at for one page.
const LOOKED_AT: usize = 10_000;

/// The order of pages: by creation and id, of all keys and of each service's.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    all: BTreeSet<Place>,
    by_service: BTreeSet<(ServiceName, Place)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    created_at: Timestamp,
    id: KeyId,
}

impl Places {
    pub(super) fn add(&mut self, key: &Key) {
        let place = Place::of(key);
        self.all.insert(place);
        self.by_service.insert((key.service.clone(), place));
    }

    pub(super) fn remove(&mut self, key: &Key) {
        let place = Place::of(key);
        self.all.remove(&place);
        self.by_service.remove(&(key.service.clone(), place));
    }

    pub(super) fn of_service(&self, service: &ServiceName) -> impl Iterator<Item = KeyId> {
        self.service_after(service, None).map(|place| place.id)
    }

    /// The page of those keys that `find` returns.
    pub(super) fn page(
        &self,
        request: &PageRequest,
        find: impl Fn(&KeyId) -> Option<Key>,
    ) -> Result<Page, StoreError> {
        let after = request.after.as_ref().map(Place::read).transpose()?;
        match &request.filter.service {
            Some(service) => Ok(fill(self.service_after(service, after), request, find)),
            None => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let places = self.all.range((from, Bound::Unbounded)).copied();
                Ok(fill(places, request, find))
            }
        }
    }

    fn service_after(
        &self,
        service: &ServiceName,
        after: Option<Place>,
    ) -> impl Iterator<Item = Place> {
        let from = match after {
            Some(place) => Bound::Excluded((service.clone(), place)),
            None => Bound::Included((service.clone(), Place::FIRST)),
        };
        self.by_service
            .range((from, Bound::Unbounded))
            .take_while(move |(of, _)| of == service)
            .map(|(_, place)| *place)
    }
}

fn fill(
    places: impl Iterator<Item = Place>,
    request: &PageRequest,
    find: impl Fn(&KeyId) -> Option<Key>,
) -> Page {
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let (mut keys, mut last) = (Vec::new(), None);
    let mut places = places.peekable();
    for place in places.by_ref().take(LOOKED_AT) {
        keys.extend(find(&place.id));
        last = Some(place);
        if keys.len() >= limit {
            break;
        }
    }
    let next = last.filter(|_| places.peek().is_some());
    Page {
        keys,
        damaged: Vec::new(),
        next: next.and_then(Place::write),
    }
}

impl Place {
    const FIRST: Self = Self {
        created_at: Timestamp::from_millis(0),
        id: KeyId::from_bytes([0; 16]),
    };

    fn of(key: &Key) -> Self {
        Self {
            created_at: key.created_at,
            id: key.id,
        }
    }

    fn write(self) -> Option<PagePosition> {
        let mut bytes = self.created_at.as_millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        PagePosition::new(&bytes).ok()
    }

    fn read(position: &PagePosition) -> Result<Self, StoreError> {
        let parts = position
            .as_bytes()
            .split_first_chunk::<8>()
            .and_then(|(millis, id)| Some((*millis, <[u8; 16]>::try_from(id).ok()?)));
        let (millis, id) = parts.ok_or_else(|| {
            let message = "the position is not one of this store";
            StoreError::new(StoreErrorKind::Invalid, message)
        })?;
        Ok(Self {
            created_at: Timestamp::from_millis(i64::from_be_bytes(millis)),
            id: KeyId::from_bytes(id),
        })
    }
}
