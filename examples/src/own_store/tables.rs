use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use portcullis::ServiceName;
use portcullis::audit::{Anchor, AuditSeal};
use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyId, KeyState};
use portcullis::keyring::RootName;
use portcullis::service::Service;
use portcullis::store::{
    AuditHead, Change, Changes, EventRecord, EventsRequest, Head, Loaded, LoadedServices,
    Operation, Redigest, Revision, RootCheck, RootUse, StoreError, StoreErrorKind, StoredEvent,
};
use portcullis::usage::NodeId;

use super::usage::Counted;

/// Everything that is kept. Rows are shared with the copies made of it.
#[derive(Clone)]
pub(super) struct Tables {
    /// What each change touched, and the tag that it drew: the first entry is
    /// the empty store's.
    history: Vec<(u64, Arc<Touched>)>,
    pub(super) services: BTreeMap<ServiceName, Arc<Service>>,
    /// In the order of pages.
    pub(super) keys: BTreeMap<Place, Arc<Key>>,
    pub(super) places: HashMap<KeyId, Place>,
    pub(super) counted: HashMap<KeyId, Arc<Counted>>,
    pub(super) batches: HashMap<NodeId, u64>,
    roots: BTreeMap<RootName, RootCheck>,
    audit_head: AuditHead,
    events: Vec<Arc<(EventRecord, StoredEvent)>>,
    anchors: BTreeMap<u64, Anchor>,
}

/// Where a key stands among all.
pub(super) type Place = (Timestamp, KeyId);

#[derive(Default)]
struct Touched {
    keys: BTreeSet<KeyId>,
    services: bool,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            history: vec![(draw_tag(), Arc::default())],
            services: BTreeMap::new(),
            keys: BTreeMap::new(),
            places: HashMap::new(),
            counted: HashMap::new(),
            batches: HashMap::new(),
            roots: BTreeMap::new(),
            audit_head: AuditHead {
                sequence: 0,
                mac: [0; 32],
            },
            events: Vec::new(),
            anchors: BTreeMap::new(),
        }
    }
}

/// A number that nobody drew before: the standard library seeds its hashers
/// from the operating system's generator.
fn draw_tag() -> u64 {
    RandomState::new().hash_one("tag")
}

fn refused(kind: StoreErrorKind, message: impl Into<String>) -> StoreError {
    StoreError::new(kind, message)
}

impl Tables {
    pub(super) fn head(&self) -> Head {
        let revision = self.history.len().saturating_sub(1);
        Head {
            revision: Revision::new(u64::try_from(revision).unwrap_or(u64::MAX)),
            tag: self.history.last().map_or(0, |(tag, _)| *tag),
        }
    }

    pub(super) fn changes(&self, since: Head) -> Changes {
        let head = self.head();
        let known = usize::try_from(since.revision.count()).unwrap_or(usize::MAX);
        if self
            .history
            .get(known)
            .is_none_or(|(tag, _)| *tag != since.tag)
        {
            return Changes::Diverged { head };
        }
        let (mut keys, mut services) = (BTreeSet::new(), false);
        for (_, touched) in self.history.iter().skip(known).skip(1) {
            keys.extend(&touched.keys);
            services |= touched.services;
        }
        if keys.len() > Changes::MAX_KEYS {
            return Changes::All { head };
        }
        Changes::Some {
            head,
            keys: keys.into_iter().collect(),
            services,
        }
    }

    pub(super) fn key(&self, id: &KeyId) -> Option<&Arc<Key>> {
        self.keys.get(self.places.get(id)?)
    }

    pub(super) fn load(&self, id: &KeyId) -> Loaded {
        Loaded {
            head: self.head(),
            key: self.key(id).map(|key| Key::clone(key)),
        }
    }

    pub(super) fn load_services(&self) -> LoadedServices {
        LoadedServices {
            head: self.head(),
            services: self
                .services
                .values()
                .map(|service| Service::clone(service))
                .collect(),
        }
    }

    /// Takes every step; where one fails, the caller drops what was done.
    pub(super) fn commit(&mut self, change: Change) -> Result<Head, StoreError> {
        if change.steps.is_empty() || change.steps.len() > Change::MAX_STEPS {
            return Err(refused(
                StoreErrorKind::Invalid,
                "a change has 1 to 1,000 steps",
            ));
        }
        if self.is_retired(change.seal.root()) {
            let message = "the root that signs the change is retired";
            return Err(refused(StoreErrorKind::Retired, message));
        }
        let mut touched = Touched::default();
        for step in change.steps {
            self.take(step.operation, &mut touched)?;
            self.append(step.event, &change.seal);
        }
        self.history.push((draw_tag(), Arc::new(touched)));
        Ok(self.head())
    }

    fn take(&mut self, operation: Operation, touched: &mut Touched) -> Result<(), StoreError> {
        match operation {
            Operation::Record => {}
            Operation::CreateService(service) => {
                if self.services.contains_key(&service.name) {
                    return Err(refused(StoreErrorKind::AlreadyExists, "the name is taken"));
                }
                touched.services = true;
                self.services
                    .insert(service.name.clone(), Arc::new(service));
            }
            Operation::UpdateService { service, expected } => {
                let standing = self.service(&service.name)?;
                let replaces = standing.version == expected && service.version > expected;
                if !replaces || standing.created_at != service.created_at {
                    return Err(refused(StoreErrorKind::Conflict, "another version stands"));
                }
                touched.services = true;
                self.services
                    .insert(service.name.clone(), Arc::new(service));
            }
            Operation::CreateKey { key, now } => {
                touched.keys.insert(key.id);
                self.create_key(key, now)?;
            }
            Operation::UpdateKey { key, expected, now } => {
                touched.keys.insert(key.id);
                self.update_key(key, expected, now)?;
            }
            Operation::RetireRoot { name, now } => self.retire_root(&name, now)?,
            Operation::AnchorAudit(anchor) => self.anchor(anchor)?,
            Operation::PruneAudit(anchor) => {
                let last = anchor.place.sequence;
                self.anchor(anchor)?;
                self.events.retain(|event| event.1.sequence > last);
                self.anchors.retain(|sequence, _| *sequence >= last);
            }
            _ => {
                let message = "an operation that this store does not know";
                return Err(refused(StoreErrorKind::Unavailable, message));
            }
        }
        Ok(())
    }

    fn service(&self, name: &ServiceName) -> Result<&Service, StoreError> {
        let message = || {
            refused(
                StoreErrorKind::NotFound,
                format!("there is no service {name}"),
            )
        };
        self.services.get(name).map(Arc::as_ref).ok_or_else(message)
    }

    fn create_key(&mut self, key: Key, now: Timestamp) -> Result<(), StoreError> {
        let service = self.service(&key.service)?;
        if service.retirement.is_some() {
            return Err(refused(StoreErrorKind::Retired, "the service is retired"));
        }
        self.check_room(&key, now)?;
        if self.places.contains_key(&key.id) {
            return Err(refused(StoreErrorKind::AlreadyExists, "the id is taken"));
        }
        let place = (key.created_at, key.id);
        self.places.insert(key.id, place);
        self.keys.insert(place, Arc::new(key));
        Ok(())
    }

    /// Fails where as many other keys of the service are live as it may have.
    fn check_room(&self, key: &Key, now: Timestamp) -> Result<(), StoreError> {
        let service = self.service(&key.service)?;
        let mine = |other: &&Arc<Key>| other.service == key.service && other.id != key.id;
        let others = self.keys.values().filter(mine);
        let live = others.filter(|other| other.takes_room(now)).count();
        if live >= usize::try_from(service.quota).unwrap_or(usize::MAX) {
            let message = "the quota is reached";
            return Err(refused(StoreErrorKind::QuotaReached, message));
        }
        Ok(())
    }

    fn update_key(
        &mut self,
        mut key: Key,
        expected: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let standing = self
            .key(&key.id)
            .ok_or_else(|| refused(StoreErrorKind::NotFound, "there is no such key"))?;
        let same = standing.service == key.service && standing.created_at == key.created_at;
        if !same || standing.version != expected || key.version <= expected {
            return Err(refused(StoreErrorKind::Conflict, "another version stands"));
        }
        if key.takes_more_room_than(standing, now) {
            self.check_room(&key, now)?;
        }
        // What was moved to another root since the caller read it stays there.
        for secret in &mut key.secrets {
            let stored = standing
                .secrets
                .iter()
                .find(|stored| stored.number == secret.number);
            if let Some(stored) = stored {
                secret.digest = stored.digest;
                secret.root = stored.root.clone();
            }
        }
        self.forget_secrets(&key);
        self.keys.insert((key.created_at, key.id), Arc::new(key));
        Ok(())
    }

    pub(super) fn remember_roots(&mut self, checks: Vec<RootCheck>) -> Vec<RootCheck> {
        for check in checks {
            let retired = false;
            let name = check.name.clone();
            self.roots
                .entry(name)
                .or_insert(RootCheck { retired, ..check });
        }
        self.roots.values().cloned().collect()
    }

    fn is_retired(&self, root: &RootName) -> bool {
        self.roots.get(root).is_some_and(|check| check.retired)
    }

    pub(super) fn root_use(&self, name: &RootName, now: Timestamp) -> RootUse {
        let mut used = RootUse::default();
        for key in self.keys.values() {
            let revoked = matches!(key.state, KeyState::Revoked(_));
            for secret in key
                .secrets
                .iter()
                .filter(|secret| !revoked && secret.is_live(now))
            {
                used.digests += u64::from(secret.root == *name);
                used.tokens += u64::from(secret.issuer == *name);
            }
        }
        used
    }

    fn retire_root(&mut self, name: &RootName, now: Timestamp) -> Result<(), StoreError> {
        let used = self.root_use(name, now);
        let unknown = || refused(StoreErrorKind::NotFound, "nothing is known of the root");
        let check = self.roots.get_mut(name).ok_or_else(unknown)?;
        if used != RootUse::default() {
            return Err(refused(
                StoreErrorKind::InUse,
                "secrets stand under the root",
            ));
        }
        check.retired = true;
        Ok(())
    }

    pub(super) fn redigest(&mut self, batch: Vec<Redigest>) -> u64 {
        let mut moved = 0;
        for Redigest {
            key,
            secret,
            old,
            new,
            root,
        } in batch
        {
            let place = self.places.get(&key).filter(|_| !self.is_retired(&root));
            let Some(key) = place.and_then(|place| self.keys.get_mut(place)) else {
                continue;
            };
            let mut secrets = Arc::make_mut(key).secrets.iter_mut();
            if let Some(stored) =
                secrets.find(|stored| stored.number == secret && stored.digest == old)
            {
                (stored.digest, stored.root) = (new, root);
                moved += 1;
            }
        }
        moved
    }

    fn append(&mut self, record: EventRecord, seal: &AuditSeal) {
        let sequence = self.audit_head.sequence.saturating_add(1);
        let mac = seal.seal(sequence, &self.audit_head.mac, &record.bytes);
        self.audit_head = AuditHead { sequence, mac };
        let event = StoredEvent {
            sequence,
            at: record.at,
            service: record.service.clone(),
            key: record.key,
            root: seal.root().clone(),
            bytes: record.bytes.clone(),
            mac,
        };
        self.events.push(Arc::new((record, event)));
    }

    /// Keeps the anchor, if its event is there.
    fn anchor(&mut self, anchor: Anchor) -> Result<(), StoreError> {
        let AuditHead { sequence, mac } = anchor.place;
        let stands = self
            .events
            .iter()
            .any(|kept| kept.1.sequence == sequence && kept.1.mac == mac);
        if !stands {
            return Err(refused(
                StoreErrorKind::Conflict,
                "the anchor's event is not there",
            ));
        }
        self.anchors.insert(sequence, anchor);
        Ok(())
    }

    pub(super) fn events(&self, request: &EventsRequest) -> Vec<StoredEvent> {
        let wanted = |kept: &&Arc<(EventRecord, StoredEvent)>| {
            let (record, event) = &***kept;
            event.sequence > request.after
                && (request.service.is_none() || record.service == request.service)
                && (request.key.is_none() || record.key == request.key)
        };
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let found = self.events.iter().filter(wanted).take(limit);
        found.map(|kept| kept.1.clone()).collect()
    }

    pub(super) fn anchors(&self) -> Vec<Anchor> {
        self.anchors.values().cloned().collect()
    }

    pub(super) fn audit_head(&self) -> AuditHead {
        self.audit_head
    }
}
