use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::cache::Stamp;
use crate::clock::Moment;
use crate::service::{Service, ServiceName};

/// All services, as they were in one snapshot of the store.
#[derive(Debug)]
pub(crate) struct ServiceTable {
    stamp: Stamp,
    read_at: Moment,
    services: HashMap<ServiceName, Arc<Service>>,
}

impl ServiceTable {
    /// What was asked for at `read_at`, and read at `stamp`.
    pub(crate) fn new(stamp: Stamp, read_at: Moment, services: Vec<Service>) -> Self {
        let services = services
            .into_iter()
            .map(|service| (service.name.clone(), Arc::new(service)))
            .collect();
        Self {
            stamp,
            read_at,
            services,
        }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    pub(crate) fn read_at(&self) -> Moment {
        self.read_at
    }

    pub(crate) fn find(&self, name: &ServiceName) -> Option<&Arc<Service>> {
        self.services.get(name)
    }
}

/// The newest table of services. Joined with a key when it is used, and never
/// copied into its entry: a changed service takes hold without a flush.
#[derive(Debug)]
pub(crate) struct ServiceCache {
    table: ArcSwap<ServiceTable>,
}

impl ServiceCache {
    pub(crate) fn new(table: ServiceTable) -> Self {
        Self {
            table: ArcSwap::from_pointee(table),
        }
    }

    pub(crate) fn table(&self) -> Guard<Arc<ServiceTable>> {
        self.table.load()
    }

    /// Takes the table, unless a newer one is there already.
    pub(crate) fn keep(&self, table: &Arc<ServiceTable>) {
        self.table.rcu(|present| {
            let newer = if present.stamp > table.stamp {
                present
            } else {
                table
            };
            Arc::clone(newer)
        });
    }
}
