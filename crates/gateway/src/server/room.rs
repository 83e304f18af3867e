use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections may be open at once, which may change while some are.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    most: usize,
    /// Places that are taken, and that there are not any more: they go with those who have them.
    owed: usize,
}

/// One connection's, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            size: Mutex::new(Size { most, owed: 0 }),
        }
    }

    /// The next place that is free. Nothing is lost if this is dropped before it is ready.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        let permit = Arc::clone(&self.places).acquire_owned().await;
        Place {
            room: Arc::clone(self),
            // An error is that of a closed semaphore, and nobody closes this one.
            permit: permit.ok(),
        }
    }

    /// From now on there are so many. Whoever has one of more than that keeps it.
    pub(super) fn resize(&self, most: usize) {
        let mut size = self.size();
        let grown = most.saturating_sub(size.most);
        let paid = grown.min(size.owed);
        self.places.add_permits(grown - paid);
        let shrunk = size.most.saturating_sub(most);
        let gone = self.places.forget_permits(shrunk);
        size.owed = size.owed - paid + (shrunk - gone);
        size.most = most;
    }

    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let mut size = self.room.size();
        if size.owed > 0 {
            size.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;

    use super::{Place, Room};

    fn take(room: &Arc<Room>) -> Option<Place> {
        room.place().now_or_never()
    }

    #[test]
    fn places_are_taken_and_given_back() {
        let room = Arc::new(Room::new(1));
        let place = take(&room).unwrap();
        assert!(take(&room).is_none());
        drop(place);
        assert!(take(&room).is_some());
    }

    #[test]
    fn those_who_have_a_place_keep_it_where_there_are_fewer() {
        let room = Arc::new(Room::new(4));
        let mut places: Vec<_> = (0..4).map_while(|_| take(&room)).collect();
        room.resize(2);
        for left in [3, 2] {
            places.pop();
            assert!(take(&room).is_none(), "{left} are taken of two");
        }
        places.pop();
        let _next = take(&room).unwrap();
        assert!(take(&room).is_none());
    }

    #[test]
    fn more_places_are_there_at_once() {
        let room = Arc::new(Room::new(3));
        let _places: Vec<_> = (0..3).map_while(|_| take(&room)).collect();
        room.resize(1);
        room.resize(2);
        assert!(take(&room).is_none(), "three are taken of two");
        room.resize(5);
        let more: Vec<_> = (0..9).map_while(|_| take(&room)).collect();
        assert_eq!(more.len(), 2);
        drop(more);
        room.resize(4);
        let more: Vec<_> = (0..9).map_while(|_| take(&room)).collect();
        assert_eq!(more.len(), 1);
    }
}
