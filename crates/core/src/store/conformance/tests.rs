//! The suite over stores with a fault each: it must find every one.

use crate::key::{Key, KeyId};
use crate::service::Service;
use crate::store::conformance::run;
use crate::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, Head, KeyStore, Loaded, LoadedServices,
    Lookup, MemoryStore, Operation, PageRequest, RootCheck, StoreError, StoredEvent, UsageStore,
};
use crate::usage::{NodeId, Usage, UsageBatch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    HeadReadLater,
    OneTagForAll,
    DivergenceUnseen,
    ServicesUnmentioned,
    QuotaIgnored,
    VersionIgnored,
    SecretsLost,
    PagesUnordered,
    RootsOverwritten,
    BatchesRepeated,
    EventsLost,
    CommitsEndWithTheirCaller,
}

#[derive(Debug)]
struct Defective {
    store: MemoryStore,
    defect: Defect,
}

impl Defective {
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_defect_is_found_by_the_rule_that_forbids_it() {
    for (defect, rule) in [
        (
            Defect::HeadReadLater,
            "a_loaded_key_belongs_to_its_revision",
        ),
        (
            Defect::OneTagForAll,
            "each_commit_counts_once_and_draws_a_tag",
        ),
        (Defect::DivergenceUnseen, "another_history_is_diverged"),
        (Defect::ServicesUnmentioned, "changes_name_what_changed"),
        (
            Defect::QuotaIgnored,
            "parallel_creations_never_pass_the_quota",
        ),
        (Defect::QuotaIgnored, "revoked_and_expired_keys_free_room"),
        (
            Defect::VersionIgnored,
            "an_update_needs_the_version_it_replaces",
        ),
        (Defect::VersionIgnored, "of_parallel_updates_one_wins"),
        (
            Defect::SecretsLost,
            "records_read_back_as_they_were_written",
        ),
        (Defect::PagesUnordered, "pages_follow_creation_and_id"),
        (
            Defect::RootsOverwritten,
            "roots_are_remembered_as_first_stored",
        ),
        (Defect::BatchesRepeated, "a_repeated_batch_counts_once"),
        (
            Defect::EventsLost,
            "the_chain_is_whole_under_parallel_commits",
        ),
        (
            Defect::CommitsEndWithTheirCaller,
            "a_commit_goes_on_without_its_caller",
        ),
    ] {
        let make = async || Defective {
            store: MemoryStore::new(),
            defect,
        };
        let broken = run(make).await.expect_err("a defective store");
        let found = broken.rules().iter().any(|broken| broken.rule() == rule);
        assert!(found, "{defect:?} passed {rule}: {broken}");
    }
}

impl KeyStore for Defective {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        Box::pin(async move {
            let mut loaded = self.store.load(lookup).await?;
            if self.has(Defect::HeadReadLater) {
                loaded.head = self.later_head(loaded.head).await?;
            }
            if let Some(key) = loaded
                .key
                .as_mut()
                .filter(|_| self.has(Defect::SecretsLost))
            {
                key.secrets.truncate(1);
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
            match &mut change.operation {
                Operation::CreateService(service) if self.has(Defect::QuotaIgnored) => {
                    service.quota = Service::MAX_QUOTA;
                }
                Operation::UpdateKey { key, expected } if self.has(Defect::VersionIgnored) => {
                    let stands = self.store.load(Lookup::Id(key.id)).await?.key;
                    *expected = stands.map_or(0, |key| key.version);
                    key.version = key.version.max(*expected + 1);
                }
                _ => {}
            }
            self.store.commit(change).await
        })
    }

    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async move {
            let mut page = self.store.page(request).await?;
            if self.has(Defect::PagesUnordered) {
                page.reverse();
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

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<Usage>, StoreError>> {
        self.store.usage(keys)
    }
}

impl AuditLog for Defective {
    fn events(
        &self,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(async move {
            let mut events = self.store.events(after, limit).await?;
            if self.has(Defect::EventsLost) && events.len() > 2 {
                events.remove(1);
            }
            Ok(events)
        })
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        self.store.audit_head()
    }
}
