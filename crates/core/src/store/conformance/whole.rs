use super::broken::Fault;
use super::driver::Driver;
use super::samples::at;
use crate::audit::Anchor;
use crate::key::{Key, KeyFilter};
use crate::service::Service;
use crate::store::{AuditHead, Head, RootCheck, StoredEvent};
use crate::usage::KeyUsage;

/// Everything that a store shows: what must be the same after a change that
/// failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) head: Head,
    pub(super) audit: AuditHead,
    pub(super) events: Vec<StoredEvent>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) services: Vec<Service>,
    pub(super) keys: Vec<Key>,
    pub(super) usage: Vec<KeyUsage>,
    pub(super) roots: Vec<RootCheck>,
}

impl Whole {
    /// Reads it while nobody writes.
    pub(super) async fn read(driver: &Driver) -> Result<Self, Fault> {
        let store = &driver.store;
        let keys = driver.list(&KeyFilter::default(), 1_000, at(0)).await?;
        let ids = keys.iter().map(|key| key.id).collect();
        let mut roots = store.remember_roots(Vec::new()).await?;
        roots.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            head: store.head().await?,
            audit: store.audit_head().await?,
            events: driver.events(0, 10_000).await?,
            anchors: store.anchors().await?,
            services: store.load_services().await?.services,
            usage: store.usage(ids).await?,
            keys,
            roots,
        })
    }
}
