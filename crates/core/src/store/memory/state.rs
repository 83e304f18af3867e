use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::key::{Key, KeyId, KeyState};
use crate::keyring::RootName;
use crate::service::{Service, ServiceName};
use crate::store::memory::history::{History, Touched};
use crate::store::memory::quota::Held;
use crate::store::{
    AuditHead, Change, Changes, Head, Loaded, LoadedServices, Operation, PagePosition, PageRequest,
    RootCheck, StoreError, StoreErrorKind, StoredEvent,
};
use crate::usage::{NodeId, Usage, UsageBatch};

/// How long a node's last batch number is remembered after its last batch.
const NODE_MEMORY: Duration = Duration::from_secs(30 * 86_400);

/// Everything that a [`MemoryStore`](super::MemoryStore) holds.
#[derive(Debug, Clone)]
pub(super) struct State {
    history: History,
    services: BTreeMap<ServiceName, Held>,
    keys: HashMap<KeyId, Key>,
    places: BTreeSet<(ServiceName, PagePosition)>,
    audit: AuditHead,
    events: Vec<StoredEvent>,
    roots: BTreeMap<RootName, [u8; 32]>,
    usage: HashMap<KeyId, Usage>,
    nodes: HashMap<NodeId, LastBatch>,
}

#[derive(Debug, Clone)]
struct LastBatch {
    number: u64,
    at: Timestamp,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            history: History::new(),
            services: BTreeMap::new(),
            keys: HashMap::new(),
            places: BTreeSet::new(),
            audit: AuditHead {
                sequence: 0,
                mac: [0; 32],
            },
            events: Vec::new(),
            roots: BTreeMap::new(),
            usage: HashMap::new(),
            nodes: HashMap::new(),
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

    /// Applies the change, or fails before anything was touched.
    pub(super) fn commit(&mut self, change: Change) -> Result<Head, StoreError> {
        let touched = match change.operation {
            Operation::CreateService(service) => self.create_service(service)?,
            Operation::CreateKey { key, now } => self.create_key(key, now)?,
            Operation::UpdateKey { key, expected } => self.update_key(key, expected)?,
        };
        let sequence = self.audit.sequence.saturating_add(1);
        let mac = change
            .seal
            .seal(sequence, &self.audit.mac, &change.event.bytes);
        self.audit = AuditHead { sequence, mac };
        let root = change.seal.root().clone();
        self.events.push(StoredEvent {
            sequence,
            root,
            bytes: change.event.bytes,
            mac,
        });
        Ok(self.history.advance(touched))
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

    fn create_key(&mut self, key: Key, now: Timestamp) -> Result<Touched, StoreError> {
        let held = self
            .services
            .get(&key.service)
            .ok_or_else(|| unknown_service(&key.service))?;
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
        let place = PagePosition {
            created_at: key.created_at,
            id: key.id,
        };
        self.places.insert((key.service.clone(), place));
        let touched = Touched::Key(key.id);
        self.keys.insert(key.id, key);
        Ok(touched)
    }

    fn update_key(&mut self, key: Key, expected: u64) -> Result<Touched, StoreError> {
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
        if let Some(held) = self.services.get_mut(&key.service) {
            held.recount(Some(before), &key);
        }
        let touched = Touched::Key(key.id);
        *before = key;
        Ok(touched)
    }

    fn live_keys(&self, service: &ServiceName, now: Timestamp) -> usize {
        let live = |key: &&Key| !matches!(key.state, KeyState::Revoked(_)) && !key.is_expired(now);
        self.keys_after(service, None).filter(live).count()
    }

    pub(super) fn page(&self, request: &PageRequest) -> Vec<Key> {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        self.keys_after(&request.service, request.after)
            .take(limit)
            .cloned()
            .collect()
    }

    fn keys_after(
        &self,
        service: &ServiceName,
        after: Option<PagePosition>,
    ) -> impl Iterator<Item = &Key> {
        let first = PagePosition {
            created_at: Timestamp::from_millis(0),
            id: KeyId::from_bytes([0; 16]),
        };
        let from = match after {
            Some(position) => Bound::Excluded((service.clone(), position)),
            None => Bound::Included((service.clone(), first)),
        };
        self.places
            .range((from, Bound::Unbounded))
            .take_while(move |(of, _)| of == service)
            .filter_map(|(_, position)| self.keys.get(&position.id))
    }

    pub(super) fn remember_roots(&mut self, checks: Vec<RootCheck>) -> Vec<RootCheck> {
        for RootCheck { name, check } in checks {
            self.roots.entry(name).or_insert(check);
        }
        self.roots
            .iter()
            .map(|(name, check)| RootCheck {
                name: name.clone(),
                check: *check,
            })
            .collect()
    }

    pub(super) fn add_usage(&mut self, batch: &UsageBatch) {
        match self.nodes.get_mut(&batch.node) {
            Some(last) if last.number >= batch.number => return,
            Some(last) => {
                *last = LastBatch {
                    number: batch.number,
                    at: batch.at,
                }
            }
            None => self.meet_node(batch),
        }
        for delta in batch
            .rows
            .iter()
            .filter(|delta| self.keys.contains_key(&delta.key))
        {
            let usage = self.usage.entry(delta.key).or_default();
            usage.granted = usage.granted.saturating_add(delta.usage.granted);
            usage.refused = usage.refused.saturating_add(delta.usage.refused);
            usage.throttled = usage.throttled.saturating_add(delta.usage.throttled);
            usage.last_used_at = usage.last_used_at.max(delta.usage.last_used_at);
        }
    }

    fn meet_node(&mut self, batch: &UsageBatch) {
        self.nodes
            .retain(|_, last| batch.at.since(last.at) <= NODE_MEMORY);
        self.nodes.insert(
            batch.node,
            LastBatch {
                number: batch.number,
                at: batch.at,
            },
        );
    }

    pub(super) fn usage(&self, keys: &[KeyId]) -> Vec<Usage> {
        keys.iter()
            .map(|id| self.usage.get(id).copied().unwrap_or_default())
            .collect()
    }

    pub(super) fn events(&self, after: u64, limit: u32) -> Vec<StoredEvent> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.events
            .iter()
            .skip(after)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn audit_head(&self) -> AuditHead {
        self.audit
    }
}

fn unknown_service(name: &ServiceName) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotFound,
        format!("there is no service {name}"),
    )
}
