//! Stores with a fault each, for the suite to find.

use crate::audit::{Anchor, AuditSeal};
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter, KeyId, Metadata};
use crate::keyring::{Keyring, RootName};
use crate::service::Service;
use crate::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, EventsRequest, Head, KeyStore, Loaded,
    LoadedServices, Lookup, MemoryStore, Operation, Page, PagePosition, PageRequest, Redigest,
    RootCheck, RootUse, Step, StoreError, StoreErrorKind, StoredEvent, UsageStore,
};
use crate::usage::{KeyUsage, NodeId, Usage, UsageBatch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    AnchorsUnchecked,
    BatchesRepeated,
    CaseOfAsciiAlone,
    CommitsEndWithTheirCaller,
    DigestsOverwritten,
    DivergenceUnseen,
    EndedSecretsCounted,
    EventsLost,
    EventsUnfiltered,
    EventsFilteredLate,
    ExpiryLate,
    FilterPartIgnored(u32),
    HeadReadLater,
    KindsMixed,
    LastAddressLost,
    LimitIgnored,
    MetadataLost,
    OneTagForAll,
    PagesByOffset,
    PagesSkipAKey,
    PagesUnordered,
    PositionsUnchecked,
    PruningKeepsEvents,
    QuotaIgnored,
    RedigestBlind,
    RedigestCounted,
    RetirementIgnored,
    RetiredRootsGoOn,
    RootsOverwritten,
    RootsRetiredInUse,
    SecretsLost,
    ServiceVersionIgnored,
    ServicesUnmentioned,
    StepsByThemselves,
    StepsHalfUndone,
    StepsUnbounded,
    TotalsOfPresentSecrets,
    UsageOfKeysAlone,
    UseUnordered,
    VersionIgnored,
}

impl Defect {
    /// Those by which one part of a filter is passed over.
    pub(super) fn of_filters() -> impl Iterator<Item = Self> {
        (0..super::draw::PARTS_OF_A_FILTER).map(Self::FilterPartIgnored)
    }
}

/// A [`MemoryStore`] that does one thing wrong.
#[derive(Debug)]
pub(super) struct Defective {
    store: MemoryStore,
    defect: Defect,
}

impl Defective {
    pub(super) fn new(defect: Defect) -> Self {
        Self {
            store: MemoryStore::new(),
            defect,
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// The head once a change was committed after `head`, if there is one soon.
    async fn later_head(&self, head: Head) -> Result<Head, StoreError> {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
            let later = self.store.head().await?;
            if later != head {
                return Ok(later);
            }
        }
        Ok(head)
    }

    async fn stored(&self, id: KeyId) -> Option<Key> {
        let loaded = self.store.load(Lookup::Id(id)).await.expect("a load");
        loaded.key
    }

    /// The step as a store with the defect understands it.
    async fn misread(&self, operation: &mut Operation) {
        match operation {
            Operation::CreateService(service) if self.has(Defect::QuotaIgnored) => {
                service.quota = Service::MAX_QUOTA;
            }
            Operation::UpdateService { service, expected } => {
                if self.has(Defect::RetirementIgnored) {
                    service.retirement = None;
                }
                if self.has(Defect::ServiceVersionIgnored) {
                    let all = self.store.load_services().await.expect("services").services;
                    let found = all.iter().find(|found| found.name == service.name);
                    *expected = found.map_or(0, |found| found.version);
                    service.version = service.version.max(*expected + 1);
                }
            }
            Operation::UpdateKey { key, expected } if self.has(Defect::VersionIgnored) => {
                *expected = self.stored(key.id).await.map_or(0, |key| key.version);
                key.version = key.version.max(*expected + 1);
            }
            Operation::RetireRoot { now, .. } if self.has(Defect::EndedSecretsCounted) => {
                *now = Timestamp::from_millis(0);
            }
            Operation::PruneAudit(anchor) if self.has(Defect::PruningKeepsEvents) => {
                *operation = Operation::AnchorAudit(anchor.clone());
            }
            _ => {}
        }
    }

    /// What is done in the place of a change that failed.
    async fn recover(&self, mut change: Change, error: StoreError) -> Result<Head, StoreError> {
        if self.has(Defect::KindsMixed) && error.kind() == StoreErrorKind::QuotaReached {
            let message = error.to_string();
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        let forgiven = match error.kind() {
            StoreErrorKind::InUse => self.has(Defect::RootsRetiredInUse),
            StoreErrorKind::Retired if self.has(Defect::RetiredRootsGoOn) => {
                let other = Keyring::generate("k0".parse().expect("a name")).expect("entropy");
                change.seal = AuditSeal::of(other.current());
                true
            }
            StoreErrorKind::Conflict => {
                self.has(Defect::AnchorsUnchecked) || self.has(Defect::StepsUnbounded)
            }
            _ => false,
        };
        if forgiven {
            change.steps.truncate(1);
            for step in &mut change.steps {
                step.operation = Operation::Record;
            }
            return self.store.commit(change).await;
        }
        while self.has(Defect::StepsHalfUndone) && change.steps.pop().is_some() {
            if self.store.commit(change.clone()).await.is_ok() {
                break;
            }
        }
        Err(error)
    }

    /// Writes the update's digests over those that stand.
    async fn overwrite(&self, key: &Key) {
        let stored = self.stored(key.id).await.expect("a key");
        let batch = stored.secrets.iter().zip(&key.secrets);
        let batch = batch.map(|(stored, wanted)| Redigest {
            key: key.id,
            secret: wanted.number,
            old: stored.digest,
            new: wanted.digest,
            root: wanted.root.clone(),
        });
        self.store.redigest(batch.collect()).await.expect("a batch");
    }

    async fn page_by_offset(&self, request: PageRequest) -> Result<Page, StoreError> {
        let after = request.after.as_ref().map(PagePosition::as_bytes);
        let offset = after.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        let offset = offset.map_or(0, usize::from_be_bytes);
        let limit = usize::try_from(request.limit).expect("a limit");
        let whole = PageRequest {
            after: None,
            limit: 1_000,
            ..request
        };
        let all = self.store.page(whole).await?.keys;
        let end = offset + limit;
        let next = (end < all.len()).then(|| PagePosition::new(&end.to_be_bytes()));
        Ok(Page {
            keys: all.into_iter().skip(offset).take(limit).collect(),
            next: next.transpose().expect("a position"),
        })
    }
}

fn without(part: u32, filter: KeyFilter) -> KeyFilter {
    match part {
        0 => KeyFilter {
            service: None,
            ..filter
        },
        1 => KeyFilter {
            owner: None,
            ..filter
        },
        2 => KeyFilter {
            environment: None,
            ..filter
        },
        3 => KeyFilter {
            status: None,
            ..filter
        },
        4 => KeyFilter {
            scope: None,
            ..filter
        },
        5 => KeyFilter {
            created: None,
            ..filter
        },
        6 => KeyFilter {
            last_used: None,
            ..filter
        },
        7 => KeyFilter {
            expires_before: None,
            ..filter
        },
        _ => KeyFilter {
            name: None,
            ..filter
        },
    }
}

impl KeyStore for Defective {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        Box::pin(async move {
            let mut loaded = self.store.load(lookup).await?;
            if self.has(Defect::HeadReadLater) {
                loaded.head = self.later_head(loaded.head).await?;
            }
            if let Some(key) = &mut loaded.key {
                if self.has(Defect::SecretsLost) {
                    key.secrets.truncate(1);
                }
                if self.has(Defect::MetadataLost) {
                    key.metadata = Metadata::default();
                }
            }
            Ok(loaded)
        })
    }

    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>> {
        self.store.load_services()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move {
            let head = self.store.head().await?;
            let tag = if self.has(Defect::OneTagForAll) {
                7
            } else {
                head.tag
            };
            Ok(Head { tag, ..head })
        })
    }

    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(async move {
            Ok(match self.store.changes(since).await? {
                Changes::Diverged { head } if self.has(Defect::DivergenceUnseen) => {
                    Changes::All { head }
                }
                Changes::Some { head, keys, .. } if self.has(Defect::ServicesUnmentioned) => {
                    Changes::Some {
                        head,
                        keys,
                        services: false,
                    }
                }
                changes => changes,
            })
        })
    }

    fn commit(&self, mut change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        Box::pin(async move {
            if self.has(Defect::CommitsEndWithTheirCaller) {
                tokio::task::yield_now().await;
            }
            for Step { operation, .. } in &mut change.steps {
                self.misread(operation).await;
            }
            if self.has(Defect::StepsByThemselves) {
                let mut head = self.store.head().await?;
                for step in change.steps {
                    head = self
                        .store
                        .commit(Change {
                            steps: vec![step],
                            seal: change.seal.clone(),
                        })
                        .await?;
                }
                return Ok(head);
            }
            let head = match self.store.commit(change.clone()).await {
                Ok(head) => head,
                Err(error) => return self.recover(change, error).await,
            };
            for Step { operation, .. } in &change.steps {
                if let Operation::UpdateKey { key, .. } = operation
                    && self.has(Defect::DigestsOverwritten)
                {
                    self.overwrite(key).await;
                }
            }
            Ok(head)
        })
    }

    fn page(&self, mut request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(async move {
            let (limit, later) = (request.limit, request.after.is_some());
            let part = request.filter.name.clone();
            match self.defect {
                Defect::PagesByOffset => return self.page_by_offset(request).await,
                Defect::FilterPartIgnored(part) => request.filter = without(part, request.filter),
                Defect::CaseOfAsciiAlone => request.filter.name = None,
                Defect::LimitIgnored => request.limit = limit + 1,
                Defect::ExpiryLate => {
                    request.now = Timestamp::from_millis(request.now.as_millis() - 1);
                }
                _ => {}
            }
            let mut page = match self.store.page(request.clone()).await {
                Err(_) if self.has(Defect::PositionsUnchecked) => {
                    let again = PageRequest {
                        after: None,
                        ..request
                    };
                    self.store.page(again).await?
                }
                answer => answer?,
            };
            if self.has(Defect::PagesUnordered) {
                page.keys.reverse();
            }
            if self.has(Defect::PagesSkipAKey) && later && page.keys.len() > 1 {
                page.keys.remove(0);
            }
            if let Some(part) = part.filter(|_| self.has(Defect::CaseOfAsciiAlone)) {
                let folded = |key: &Key| key.name.as_str().to_ascii_lowercase();
                page.keys.retain(|key| folded(key).contains(part.folded()));
            }
            Ok(page)
        })
    }

    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        Box::pin(async move {
            let mut roots = self.store.remember_roots(checks.clone()).await?;
            if self.has(Defect::RootsOverwritten) {
                for check in checks {
                    roots.retain(|root| root.name != check.name);
                    roots.push(check);
                }
            }
            Ok(roots)
        })
    }

    fn root_use(
        &self,
        name: RootName,
        mut now: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>> {
        if self.has(Defect::EndedSecretsCounted) {
            now = Timestamp::from_millis(0);
        }
        self.store.root_use(name, now)
    }

    fn redigest(&self, mut batch: Vec<Redigest>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            for one in &mut batch {
                let stored = self.stored(one.key).await;
                let found = stored.and_then(|key| {
                    let same = |secret: &&crate::key::Secret| secret.number == one.secret;
                    key.secrets.iter().find(same).map(|secret| secret.digest)
                });
                if let Some(digest) = found.filter(|_| self.has(Defect::RedigestBlind)) {
                    one.old = digest;
                }
            }
            let moved = self.store.redigest(batch).await?;
            if self.has(Defect::RedigestCounted) {
                let driver = super::Driver::new(std::sync::Arc::new(self.store.clone()));
                driver.expect("a driver").commit(Operation::Record).await?;
            }
            Ok(moved)
        })
    }
}

impl UsageStore for Defective {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let node = if self.has(Defect::BatchesRepeated) {
            NodeId::random()
        } else {
            batch.node
        };
        let batch = UsageBatch {
            node,
            ..batch.clone()
        };
        Box::pin(async move { self.store.add_usage(&batch).await })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>> {
        Box::pin(async move {
            let mut all = self.store.usage(keys).await?;
            for KeyUsage { total, secrets } in &mut all {
                match self.defect {
                    Defect::UsageOfKeysAlone => {
                        secrets.iter_mut().for_each(|secret| secret.usage = *total);
                    }
                    Defect::TotalsOfPresentSecrets => {
                        *total = Usage::default();
                        secrets.iter().for_each(|secret| total.add(&secret.usage));
                    }
                    Defect::LastAddressLost => total.last_address = None,
                    _ => {}
                }
            }
            Ok(all)
        })
    }

    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        Box::pin(async move {
            let mut keys = self.store.most_used(limit).await?;
            if self.has(Defect::UseUnordered) {
                keys.reverse();
            }
            Ok(keys)
        })
    }
}

impl AuditLog for Defective {
    fn events(
        &self,
        request: EventsRequest,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(async move {
            let unfiltered = EventsRequest {
                service: None,
                key: None,
                ..request.clone()
            };
            let mut events = if self.has(Defect::EventsUnfiltered) {
                self.store.events(unfiltered).await?
            } else if self.has(Defect::EventsFilteredLate) {
                let some = self.store.events(unfiltered).await?;
                let wanted = self.store.events(request).await?;
                some.into_iter()
                    .filter(|event| wanted.contains(event))
                    .collect()
            } else {
                self.store.events(request).await?
            };
            if self.has(Defect::EventsLost) && events.len() > 2 {
                events.remove(1);
            }
            Ok(events)
        })
    }

    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>> {
        self.store.anchors()
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        self.store.audit_head()
    }
}
