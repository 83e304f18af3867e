use std::sync::atomic::AtomicBool;

use super::Defect;
use crate::key::{Key, KeyId};
use crate::store::{Head, KeyStore as _, Lookup, MemoryStore, StoreError};

/// A [`MemoryStore`] that does one thing wrong.
#[derive(Debug)]
pub(in crate::store::conformance) struct Defective {
    pub(super) store: MemoryStore,
    pub(super) defect: Defect,
    /// Whether a change was refused.
    pub(super) refused: AtomicBool,
}

impl Defective {
    pub(in crate::store::conformance) fn new(defect: Defect) -> Self {
        Self {
            store: MemoryStore::new(),
            defect,
            refused: AtomicBool::new(false),
        }
    }

    pub(super) fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// The head once a change was committed after `head`, if there is one soon.
    pub(super) async fn later_head(&self, head: Head) -> Result<Head, StoreError> {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
            let later = self.store.head().await?;
            if later != head {
                return Ok(later);
            }
        }
        Ok(head)
    }

    pub(super) async fn stored(&self, id: KeyId) -> Option<Key> {
        let loaded = self.store.load(Lookup::Id(id)).await.expect("a load");
        loaded.key
    }
}
