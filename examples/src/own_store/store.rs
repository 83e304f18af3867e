use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis::audit::Anchor;
use portcullis::clock::Timestamp;
use portcullis::key::KeyId;
use portcullis::keyring::RootName;
use portcullis::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, EventsRequest, Head, KeyStore, Loaded,
    LoadedServices, Lookup, Page, PageRequest, Redigest, RootCheck, RootUse, StoreError,
    StoreErrorKind, StoredEvent, UsageStore,
};
use portcullis::usage::{KeyUsage, UsageBatch};

use super::tables::Tables;

/// A store in a few maps, for reading. It lasts as long as its process.
#[derive(Default)]
pub struct OwnStore(Mutex<Arc<Tables>>);

impl OwnStore {
    /// What stands now. Whoever reads goes on with it while others write.
    fn snapshot(&self) -> Arc<Tables> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes to a copy, which takes the place of the whole where that went
    /// well. Nobody else writes meanwhile.
    fn write<T>(
        &self,
        write: impl FnOnce(&mut Tables) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut copy = Tables::clone(&standing);
        let written = write(&mut copy)?;
        *standing = Arc::new(copy);
        Ok(written)
    }
}

impl fmt::Debug for OwnStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.snapshot().head();
        f.debug_struct("OwnStore").field("head", &head).finish()
    }
}

/// A future that is done when it is asked for the first time, and not before:
/// until then nothing is written.
fn now<'a, T: Send + 'a>(answer: impl FnOnce() -> T + Send + 'a) -> BoxFuture<'a, T> {
    Box::pin(async move { answer() })
}

impl KeyStore for OwnStore {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        now(move || match lookup {
            Lookup::Id(id) => Ok(self.snapshot().load(&id)),
            // A look-up that a later version of Portcullis brought.
            _ => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "keys are found by their id alone",
            )),
        })
    }

    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>> {
        now(|| Ok(self.snapshot().load_services()))
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        now(|| Ok(self.snapshot().head()))
    }

    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>> {
        now(move || Ok(self.snapshot().changes(since)))
    }

    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        now(move || self.write(|tables| tables.commit(change)))
    }

    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        now(move || self.snapshot().page(&request))
    }

    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        now(move || self.write(|tables| Ok(tables.remember_roots(checks))))
    }

    fn root_use(
        &self,
        name: RootName,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>> {
        now(move || Ok(self.snapshot().root_use(&name, at)))
    }

    fn redigest(&self, batch: Vec<Redigest>) -> BoxFuture<'_, Result<u64, StoreError>> {
        now(move || self.write(|tables| Ok(tables.redigest(batch))))
    }
}

impl UsageStore for OwnStore {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let batch = batch.clone();
        now(move || {
            self.write(|tables| {
                tables.add_usage(&batch);
                Ok(())
            })
        })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>> {
        now(move || Ok(self.snapshot().usage(&keys)))
    }

    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        now(move || Ok(self.snapshot().most_used(limit)))
    }
}

impl AuditLog for OwnStore {
    fn events(
        &self,
        request: EventsRequest,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        now(move || Ok(self.snapshot().events(&request)))
    }

    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>> {
        now(|| Ok(self.snapshot().anchors()))
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        now(|| Ok(self.snapshot().audit_head()))
    }
}
