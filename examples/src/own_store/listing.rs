use std::ops::Bound;

use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyId};
use portcullis::store::{Page, PagePosition, PageRequest, StoreError, StoreErrorKind};

use super::tables::{Place, Tables};

/// How many keys are looked at for one page: it may then be short, and the next
/// one goes on.
const LOOKED_AT: usize = 1_000;

impl Tables {
    /// Looks at keys one after the other. A database has an index for what the
    /// filter asks, and [`KeyFilter::matches`](portcullis::key::KeyFilter::matches)
    /// says what must come out of it.
    pub(super) fn page(&self, request: &PageRequest) -> Result<Page, StoreError> {
        let after = request.after.as_ref().map(read).transpose()?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let (mut keys, mut last) = (Vec::new(), None);
        let mut places = self.keys.range((from, Bound::Unbounded)).peekable();
        for (place, key) in places.by_ref().take(LOOKED_AT) {
            last = Some(place);
            let last_used_at = self
                .counted
                .get(&key.id)
                .and_then(|of| of.total.last_used_at);
            if request.filter.matches(key, last_used_at, request.now) {
                keys.push(Key::clone(key));
            }
            if keys.len() >= limit {
                break;
            }
        }
        let next = last.filter(|_| places.peek().is_some());
        let next = next.map(write).transpose()?;
        Ok(Page {
            keys,
            damaged: Vec::new(),
            next,
        })
    }
}

/// A place as bytes: of this store alone, so they may be what we like. The
/// manager signs them before anybody else sees them.
fn write((created_at, id): &Place) -> Result<PagePosition, StoreError> {
    let mut bytes = created_at.as_millis().to_be_bytes().to_vec();
    bytes.extend_from_slice(id.as_bytes());
    PagePosition::new(&bytes).map_err(|_| foreign())
}

fn read(position: &PagePosition) -> Result<Place, StoreError> {
    let (millis, id) = position
        .as_bytes()
        .split_first_chunk::<8>()
        .ok_or_else(foreign)?;
    let id = <[u8; 16]>::try_from(id).map_err(|_| foreign())?;
    let created_at = Timestamp::from_millis(i64::from_be_bytes(*millis));
    Ok((created_at, KeyId::from_bytes(id)))
}

fn foreign() -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, "the position is not of this store")
}
