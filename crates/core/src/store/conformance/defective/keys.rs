use std::sync::atomic::Ordering::Relaxed;

use super::{Defect, Defective};
use crate::clock::Timestamp;
use crate::key::Metadata;
use crate::keyring::RootName;
use crate::store::{
    BoxFuture, Change, Changes, Head, KeyStore, Loaded, LoadedServices, Lookup, Operation, Page,
    PageRequest, Redigest, RootCheck, RootUse, Step, StoreError, StoreFault,
};

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
                Err(error) => {
                    self.refused.store(true, Relaxed);
                    return self.recover(change, error).await;
                }
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

    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(self.misread_page(request))
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

    fn roots(&self) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        Box::pin(async move {
            let mut roots = self.store.roots().await?;
            if self.has(Defect::RootsReadEarlier) {
                roots.pop();
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
                let driver = super::super::Driver::new(std::sync::Arc::new(self.store.clone()));
                driver.expect("a driver").commit(Operation::Record).await?;
            }
            Ok(moved)
        })
    }

    fn fault(&self) -> Option<StoreFault> {
        let faulty = self.has(Defect::RefusalsAreFaults) && self.refused.load(Relaxed);
        faulty.then_some(StoreFault::Failing)
    }
}
