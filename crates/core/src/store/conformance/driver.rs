use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::broken::{Fault, Outcome, holds, same};
use super::samples::at;
use crate::audit::{Anchor, AuditSeal};
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter, KeyId};
use crate::keyring::Keyring;
use crate::service::Service;
use crate::store::{
    AuditHead, Change, EventRecord, EventsRequest, Head, Loaded, Lookup, Operation, PageRequest,
    Step, Store, StoreError, StoreErrorKind, StoredEvent,
};

/// The most pages that a listing of the suite may have.
const LONGEST: usize = 100_000;

/// A store under test, and what is needed to make changes for it: their events
/// and the seal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Driver {
    pub(super) store: Arc<dyn Store>,
    pub(super) keyring: Keyring,
}

impl Driver {
    /// Drives the store, with a keyring of its own.
    ///
    /// # Errors
    ///
    /// [`Fault`] where the system's random generator fails.
    pub fn new(store: Arc<dyn Store>) -> Result<Self, Fault> {
        let keyring = Keyring::generate("k1".parse()?)?;
        Ok(Self::with_keyring(store, keyring))
    }

    /// Drives the store under a keyring that its events are signed with
    /// already.
    #[must_use]
    pub fn with_keyring(store: Arc<dyn Store>, keyring: Keyring) -> Self {
        Self { store, keyring }
    }

    /// A change of one step, whose event says what it does.
    #[must_use]
    pub fn change(&self, operation: Operation) -> Change {
        self.steps(vec![operation])
    }

    /// A change of these steps, each with an event that says what it does.
    #[must_use]
    pub fn steps(&self, operations: Vec<Operation>) -> Change {
        let step = |operation| Step {
            event: event(&operation),
            operation,
        };
        Change {
            steps: operations.into_iter().map(step).collect(),
            seal: AuditSeal::of(self.keyring.current()),
        }
    }

    /// An anchor at this place of the chain, signed under the suite's keyring.
    #[must_use]
    pub fn anchor(&self, place: AuditHead, at: Timestamp) -> Anchor {
        Anchor::new(place, at, self.keyring.current())
    }

    /// Commits the operation.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn commit(&self, operation: Operation) -> Result<Head, StoreError> {
        self.store.commit(self.change(operation)).await
    }

    /// Commits the creation of the service.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn create_service(&self, service: Service) -> Result<Head, StoreError> {
        self.commit(Operation::CreateService(service)).await
    }

    /// Commits the creation of the key, at the suite's start.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn create_key(&self, key: Key) -> Result<Head, StoreError> {
        self.commit(Operation::CreateKey { key, now: at(0) }).await
    }

    /// Writes `key` with the next version over the record that it was read
    /// from, at the suite's start.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn update_key(&self, key: Key) -> Result<Head, StoreError> {
        let expected = key.version;
        let key = Key {
            version: expected.saturating_add(1),
            ..key
        };
        let now = at(0);
        self.commit(Operation::UpdateKey { key, expected, now })
            .await
    }

    /// Writes `service` with the next version over the record that it was read
    /// from.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn update_service(&self, service: Service) -> Result<Head, StoreError> {
        let expected = service.version;
        let service = Service {
            version: expected.saturating_add(1),
            ..service
        };
        let update = Operation::UpdateService { service, expected };
        self.commit(update).await
    }

    /// Up to `limit` events after the sequence, of whatever they concern.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn events(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let request = EventsRequest {
            after,
            limit,
            ..EventsRequest::default()
        };
        self.store.events(request).await
    }

    /// Every key of the listing, page by page with at most `limit` keys each.
    ///
    /// # Errors
    ///
    /// [`Fault`] where the listing does not move on, a page holds more than its
    /// limit, or the store fails.
    pub async fn list(
        &self,
        filter: &KeyFilter,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Key>, Fault> {
        let (mut keys, mut places) = (Vec::new(), HashSet::new());
        let mut request = PageRequest {
            filter: filter.clone(),
            after: None,
            limit,
            now,
        };
        loop {
            let page = self.store.page(request.clone()).await?;
            let length = u32::try_from(page.keys.len()).unwrap_or(u32::MAX);
            holds("a page holds no more than its limit", length <= limit)?;
            keys.extend(page.keys);
            let Some(next) = page.next else {
                return Ok(keys);
            };
            let moved = places.insert(next.as_bytes().to_vec());
            holds("a listing moves on", moved && places.len() <= LONGEST)?;
            request.after = Some(next);
        }
    }

    /// Loads the key.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn load(&self, id: KeyId) -> Result<Loaded, StoreError> {
        self.store.load(Lookup::Id(id)).await
    }

    /// The key, which must be there.
    pub(super) async fn key(&self, id: KeyId) -> Result<Key, Fault> {
        let loaded = self.load(id).await?;
        loaded
            .key
            .ok_or_else(|| Fault::new(format!("key {id} is not there")))
    }

    /// Commits the change, again for as long as the store is busy.
    pub(super) async fn commit_patiently(&self, change: Change) -> Result<Head, StoreError> {
        loop {
            match self.store.commit(change.clone()).await {
                Err(error) if error.kind() == StoreErrorKind::Busy => {
                    tokio::task::yield_now().await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Fails unless every event after `start` is whole, and the last one is the
    /// head.
    pub(super) async fn check_chain(&self, start: AuditHead) -> Outcome {
        self.verify_chain(start).await.map(drop)
    }

    /// Verifies every event after `start`, signed under the keyring's current
    /// root, and returns where the chain ends.
    ///
    /// # Errors
    ///
    /// [`Fault`] where an event is missing or is not as it was signed, where
    /// the last one is not the head, and where the store fails.
    pub async fn verify_chain(&self, start: AuditHead) -> Result<AuditHead, Fault> {
        let seal = AuditSeal::of(self.keyring.current());
        let mut end = start;
        loop {
            let portion = self.events(end.sequence, 1_000).await?;
            if portion.is_empty() {
                break;
            }
            for event in portion {
                let sequence = end.sequence.saturating_add(1);
                same("an event's sequence", &event.sequence, &sequence)?;
                same("an event's root", &event.root, seal.root())?;
                let mac = seal.seal(sequence, &end.mac, &event.bytes);
                same("the chain's value after an event", &event.mac, &mac)?;
                end = AuditHead { sequence, mac };
            }
        }
        same(
            "the head of the chain",
            &self.store.audit_head().await?,
            &end,
        )?;
        Ok(end)
    }

    /// Commits all operations at once, each in a task, and returns the answers
    /// in any order. One that is answered with `Busy` is tried again.
    ///
    /// # Errors
    ///
    /// [`Fault`] where a task panicked.
    pub async fn all_at_once(
        &self,
        operations: Vec<Operation>,
    ) -> Result<Vec<Result<Head, StoreError>>, Fault> {
        let mut tasks = JoinSet::new();
        for operation in operations {
            let driver = self.clone();
            let change = driver.change(operation);
            tasks.spawn(async move { driver.commit_patiently(change).await });
        }
        let mut outcomes = Vec::with_capacity(tasks.len());
        while let Some(outcome) = tasks.join_next().await {
            outcomes.push(outcome.map_err(|error| Fault::new(format!("panicked: {error}")))?);
        }
        Ok(outcomes)
    }
}

/// The end of a chain without events.
pub(super) const EMPTY: AuditHead = AuditHead {
    sequence: 0,
    mac: [0; 32],
};

/// What the trail says of the operation.
fn event(operation: &Operation) -> EventRecord {
    let (service, key, text) = match operation {
        Operation::Record => (None, None, "record".to_owned()),
        Operation::CreateService(service) => {
            let text = format!("create service {}", service.name);
            (Some(&service.name), None, text)
        }
        Operation::UpdateService { service, .. } => {
            let text = format!("update service {}", service.name);
            (Some(&service.name), None, text)
        }
        Operation::CreateKey { key, .. } => {
            let text = format!("create key {}", key.id);
            (Some(&key.service), Some(key.id), text)
        }
        Operation::UpdateKey { key, .. } => {
            let text = format!("update key {}", key.id);
            (Some(&key.service), Some(key.id), text)
        }
        Operation::RevokeDamagedKey { id, .. } => {
            (None, Some(*id), format!("revoke damaged key {id}"))
        }
        Operation::RetireRoot { name, .. } => (None, None, format!("retire root {name}")),
        Operation::AnchorAudit(anchor) => (None, None, format!("anchor {}", anchor.place.sequence)),
        Operation::PruneAudit(anchor) => (None, None, format!("prune {}", anchor.place.sequence)),
    };
    EventRecord {
        at: at(0),
        service: service.cloned(),
        key,
        bytes: text.into_bytes(),
    }
}
