use std::collections::BTreeMap;

use crate::key::{Key, KeyId};
use crate::keyring::RootName;
use crate::service::{Service, ServiceName};
use crate::store::AuditHead;
use crate::store::memory::state::State;
use crate::store::memory::trail::Removed;
use crate::usage::Usage;

/// What a step did, and what is needed to undo it: as much as it touched, and
/// not a copy of everything.
#[derive(Debug)]
pub(super) enum Done {
    ServiceCreated(ServiceName),
    /// With the record before.
    ServiceUpdated(Box<Service>),
    KeyCreated(KeyId),
    /// With the record before, and the counters of the secrets that went.
    KeyUpdated(Box<Key>, BTreeMap<u32, Usage>),
    RootRetired(RootName),
    /// An anchor was kept, and perhaps events were removed.
    Trail(Removed),
}

impl State {
    /// Undoes the steps of a change that began at `start` of the trail.
    pub(super) fn undo(&mut self, done: Vec<Done>, start: AuditHead) {
        // A later step may have changed what an earlier one did.
        for done in done.into_iter().rev() {
            self.undo_one(done);
        }
        self.trail.cut_back(start);
    }

    fn undo_one(&mut self, done: Done) {
        match done {
            Done::ServiceCreated(name) => {
                self.services.remove(&name);
            }
            Done::ServiceUpdated(before) => {
                if let Some(held) = self.services.get_mut(&before.name) {
                    held.service = *before;
                }
            }
            Done::KeyCreated(id) => self.take_key(id),
            Done::KeyUpdated(before, counted) => {
                self.usage.give_back(before.id, counted);
                self.put_key(*before);
            }
            Done::RootRetired(name) => self.roots.unretire(&name),
            Done::Trail(removed) => self.trail.put_back(removed),
        }
    }

    /// Puts a record in the place of the one that is there, and returns that.
    pub(super) fn put_key(&mut self, key: Key) -> Option<Key> {
        let stored = self.keys.get_mut(&key.id)?;
        if let Some(held) = self.services.get_mut(&key.service) {
            held.recount(Some(stored), Some(&key));
        }
        Some(std::mem::replace(stored, key))
    }

    fn take_key(&mut self, id: KeyId) {
        if let Some(key) = self.keys.remove(&id) {
            self.places.remove(&key);
            if let Some(held) = self.services.get_mut(&key.service) {
                held.recount(Some(&key), None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use crate::service::{Service, ServiceName};
    use crate::store::conformance::{Driver, at, key, service};
    use crate::store::{Change, KeyStore as _, MemoryStore, Operation};

    const ORDERS: ServiceName = ServiceName::from_static("orders");

    /// How long some changes of two steps take over so many keys.
    async fn changes_over(keys: usize) -> Duration {
        let store = MemoryStore::new();
        let driver = Driver::new(Arc::new(store.clone())).expect("entropy");
        let all = service(ORDERS, Service::MAX_QUOTA);
        driver.create_service(all).await.expect("created");
        let mut left = keys;
        while left > 0 {
            let some = left.min(Change::MAX_STEPS);
            let create = || Operation::CreateKey {
                key: key(ORDERS, 0).expect("a key"),
                now: at(0),
            };
            let steps = driver.steps((0..some).map(|_| create()).collect());
            store.commit(steps).await.expect("created");
            left -= some;
        }
        let start = Instant::now();
        for _ in 0..100 {
            let steps = driver.steps(vec![Operation::Record, Operation::Record]);
            store.commit(steps).await.expect("committed");
        }
        start.elapsed()
    }

    #[tokio::test]
    async fn a_change_of_several_steps_costs_its_steps_and_not_the_store() {
        let (few, many) = (changes_over(10).await, changes_over(20_000).await);
        let most = few * 20 + Duration::from_millis(200);
        assert!(many < most, "{many:?} over many keys, {few:?} over few");
    }
}
