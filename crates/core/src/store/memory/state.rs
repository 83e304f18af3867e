use std::collections::{BTreeMap, HashMap};

use crate::clock::Timestamp;
use crate::key::{Key, KeyId, KeyState};
use crate::keyring::RootName;
use crate::service::ServiceName;
use crate::store::memory::history::History;
use crate::store::memory::places::Places;
use crate::store::memory::quota::Held;
use crate::store::memory::roots::Roots;
use crate::store::memory::trail::Trail;
use crate::store::memory::usage::Counters;
use crate::store::{
    Change, Changes, Head, Loaded, LoadedServices, Page, PageRequest, Redigest, RootUse, Step,
    StoreError, StoreErrorKind,
};

/// Everything that a [`MemoryStore`](super::MemoryStore) holds.
#[derive(Debug)]
#[cfg_attr(feature = "testing", derive(Clone))]
pub(super) struct State {
    history: History,
    pub(super) services: BTreeMap<ServiceName, Held>,
    pub(super) keys: HashMap<KeyId, Key>,
    pub(super) places: Places,
    pub(super) trail: Trail,
    pub(super) roots: Roots,
    pub(super) usage: Counters,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            history: History::new(),
            services: BTreeMap::new(),
            keys: HashMap::new(),
            places: Places::default(),
            trail: Trail::default(),
            roots: Roots::default(),
            usage: Counters::default(),
        }
    }

    pub(super) fn head(&self) -> Head {
        self.history.head()
    }

    pub(super) fn changes(&self, since: Head) -> Changes {
        self.history.changes(since)
    }

    pub(super) fn load(&self, id: KeyId) -> Loaded {
        Loaded {
            head: self.head(),
            key: self.keys.get(&id).cloned(),
        }
    }

    pub(super) fn load_services(&self) -> LoadedServices {
        let services = self
            .services
            .values()
            .map(|held| held.service.clone())
            .collect();
        LoadedServices {
            head: self.head(),
            services,
        }
    }

    /// Applies every step, or none. What it costs depends on the steps alone.
    pub(super) fn commit(&mut self, change: Change) -> Result<Head, StoreError> {
        if change.steps.is_empty() || change.steps.len() > Change::MAX_STEPS {
            let message = format!("a change of 1 to {} steps is expected", Change::MAX_STEPS);
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        let root = change.seal.root();
        if self.roots.is_retired(root) {
            let message = format!("root {root} is retired: nothing is made under it any more");
            return Err(StoreError::new(StoreErrorKind::Retired, message));
        }
        let start = self.trail.head();
        let (mut touched, mut done) = (Vec::with_capacity(change.steps.len()), Vec::new());
        for Step { operation, event } in change.steps {
            // A step fails before it touches anything.
            match self.operate(operation, &mut done) {
                Ok(thing) => touched.push(thing),
                Err(error) => {
                    self.undo(done, start);
                    return Err(error);
                }
            }
            self.trail.append(&change.seal, event);
        }
        Ok(self.history.advance(touched))
    }

    pub(super) fn page(&self, request: &PageRequest) -> Result<Page, StoreError> {
        let find = |id: &KeyId| {
            let key = self.keys.get(id)?;
            let last_used_at = self.usage.of(key).total.last_used_at;
            let wanted = request.filter.matches(key, last_used_at, request.now);
            wanted.then(|| key.clone())
        };
        self.places.page(request, find)
    }

    pub(super) fn root_use(&self, name: &RootName, now: Timestamp) -> RootUse {
        let standing = self
            .keys
            .values()
            .filter(|key| !matches!(key.state, KeyState::Revoked(_)))
            .flat_map(|key| key.secrets.iter().filter(|secret| secret.is_live(now)));
        let mut used = RootUse::default();
        for secret in standing {
            used.digests += u64::from(secret.root == *name);
            used.tokens += u64::from(secret.issuer == *name);
        }
        used
    }

    pub(super) fn redigest(&mut self, batch: Vec<Redigest>) -> u64 {
        let mut replaced = 0;
        for Redigest {
            key,
            secret,
            old,
            new,
            root,
        } in batch
        {
            if self.roots.is_retired(&root) {
                continue;
            }
            let secrets = self.keys.get_mut(&key).map(|key| &mut key.secrets);
            let same =
                |stored: &&mut crate::key::Secret| stored.number == secret && stored.digest == old;
            if let Some(stored) = secrets.and_then(|all| all.iter_mut().find(same)) {
                stored.digest = new;
                stored.root = root;
                replaced += 1;
            }
        }
        replaced
    }

    pub(super) fn add_usage(&mut self, batch: &crate::usage::UsageBatch) {
        self.usage.add(batch, &self.keys);
    }

    pub(super) fn usage(&self, keys: &[KeyId]) -> Vec<crate::usage::KeyUsage> {
        let of = |id| self.keys.get(id).map(|key| self.usage.of(key));
        keys.iter().map(|id| of(id).unwrap_or_default()).collect()
    }

    pub(super) fn most_used(&self, limit: u32) -> Vec<KeyId> {
        self.usage.most_used(limit)
    }
}
