use std::collections::{BTreeMap, HashMap};

use crate::clock::Timestamp;
use crate::key::{Key, KeyId, KeyState};
use crate::keyring::RootName;
use crate::service::{Service, ServiceName};
use crate::store::memory::history::{History, Touched};
use crate::store::memory::places::Places;
use crate::store::memory::quota::Held;
use crate::store::memory::roots::Roots;
use crate::store::memory::trail::Trail;
use crate::store::memory::usage::Counters;
use crate::store::{
    Change, Changes, EventRecord, Head, Loaded, LoadedServices, Operation, Page, PageRequest,
    Redigest, RootUse, Step, StoreError, StoreErrorKind,
};

/// Everything that a [`MemoryStore`](super::MemoryStore) holds.
#[derive(Debug, Clone)]
pub(super) struct State {
    history: History,
    services: BTreeMap<ServiceName, Held>,
    keys: HashMap<KeyId, Key>,
    places: Places,
    pub(super) trail: Trail,
    pub(super) roots: Roots,
    usage: Counters,
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

    /// Applies every step, or none.
    pub(super) fn commit(&mut self, change: Change) -> Result<Head, StoreError> {
        // A step fails before it touches anything; only of several may one fail
        // after another was done.
        let before = (change.steps.len() > 1).then(|| self.clone());
        let applied = self.apply(change);
        if let (Err(_), Some(before)) = (&applied, before) {
            *self = before;
        }
        Ok(self.history.advance(applied?))
    }

    fn apply(&mut self, change: Change) -> Result<Vec<Touched>, StoreError> {
        if change.steps.is_empty() || change.steps.len() > Change::MAX_STEPS {
            let message = format!("a change of 1 to {} steps is expected", Change::MAX_STEPS);
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        let root = change.seal.root();
        if self.roots.is_retired(root) {
            let message = format!("root {root} is retired: nothing is made under it any more");
            return Err(StoreError::new(StoreErrorKind::Retired, message));
        }
        let mut touched = Vec::with_capacity(change.steps.len());
        for Step { operation, event } in change.steps {
            touched.push(self.operate(operation)?);
            let EventRecord {
                service,
                key,
                bytes,
                ..
            } = event;
            self.trail.append(&change.seal, (service, key), bytes);
        }
        Ok(touched)
    }

    fn operate(&mut self, operation: Operation) -> Result<Touched, StoreError> {
        match operation {
            Operation::Record => Ok(Touched::Nothing),
            Operation::CreateService(service) => self.create_service(service),
            Operation::UpdateService { service, expected } => {
                self.update_service(service, expected)
            }
            Operation::CreateKey { key, now } => self.create_key(key, now),
            Operation::UpdateKey { key, expected } => self.update_key(key, expected),
            Operation::RetireRoot { name, now } => self.retire_root(&name, now),
            Operation::AnchorAudit(anchor) => self.trail.anchor(anchor),
            Operation::PruneAudit(anchor) => self.trail.prune(anchor),
        }
    }

    fn create_service(&mut self, service: Service) -> Result<Touched, StoreError> {
        let name = service.name.clone();
        if self.services.contains_key(&name) {
            let message = format!("service {name} exists already");
            return Err(StoreError::new(StoreErrorKind::AlreadyExists, message));
        }
        self.services.insert(name, Held::new(service));
        Ok(Touched::Services)
    }

    fn update_service(&mut self, service: Service, expected: u64) -> Result<Touched, StoreError> {
        let held = self
            .services
            .get_mut(&service.name)
            .ok_or_else(|| unknown_service(&service.name))?;
        let before = &held.service;
        let replaces = before.version == expected && service.version > expected;
        if !replaces || before.created_at != service.created_at {
            let message = format!("service {} was changed by somebody else", service.name);
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        held.service = service;
        Ok(Touched::Services)
    }

    fn create_key(&mut self, key: Key, now: Timestamp) -> Result<Touched, StoreError> {
        let held = self
            .services
            .get(&key.service)
            .ok_or_else(|| unknown_service(&key.service))?;
        if held.service.retirement.is_some() {
            let message = format!("service {} is retired", key.service);
            return Err(StoreError::new(StoreErrorKind::Retired, message));
        }
        if !held.has_room(|| self.live_keys(&key.service, now)) {
            let quota = held.service.quota;
            let message = format!("service {} holds {quota} live keys, its quota", key.service);
            return Err(StoreError::new(StoreErrorKind::QuotaReached, message));
        }
        if self.keys.contains_key(&key.id) {
            let message = format!("key {} exists already", key.id);
            return Err(StoreError::new(StoreErrorKind::AlreadyExists, message));
        }
        if let Some(held) = self.services.get_mut(&key.service) {
            held.recount(None, &key);
        }
        self.places.add(&key);
        let touched = Touched::Key(key.id);
        self.keys.insert(key.id, key);
        Ok(touched)
    }

    fn update_key(&mut self, mut key: Key, expected: u64) -> Result<Touched, StoreError> {
        let before = self.keys.get_mut(&key.id).ok_or_else(|| {
            StoreError::new(
                StoreErrorKind::NotFound,
                format!("there is no key {}", key.id),
            )
        })?;
        let replaces = before.version == expected && key.version > expected;
        let stays = before.service == key.service && before.created_at == key.created_at;
        if !replaces || !stays {
            let message = format!("key {} was changed by somebody else", key.id);
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        for secret in &mut key.secrets {
            let same = |stored: &&crate::key::Secret| stored.number == secret.number;
            if let Some(stored) = before.secrets.iter().find(same) {
                secret.digest = stored.digest;
                secret.root = stored.root.clone();
            }
        }
        if let Some(held) = self.services.get_mut(&key.service) {
            held.recount(Some(before), &key);
        }
        self.usage.keep_secrets(&key);
        let touched = Touched::Key(key.id);
        *before = key;
        Ok(touched)
    }

    fn live_keys(&self, service: &ServiceName, now: Timestamp) -> usize {
        let live = |key: &&Key| !matches!(key.state, KeyState::Revoked(_)) && !key.is_expired(now);
        self.places
            .of_service(service)
            .filter_map(|id| self.keys.get(&id))
            .filter(live)
            .count()
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

    fn retire_root(&mut self, name: &RootName, now: Timestamp) -> Result<Touched, StoreError> {
        let used = self.root_use(name, now);
        self.roots.retire(name, used)?;
        Ok(Touched::Nothing)
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

fn unknown_service(name: &ServiceName) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotFound,
        format!("there is no service {name}"),
    )
}
