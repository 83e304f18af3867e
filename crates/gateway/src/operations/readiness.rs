use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use portcullis::KeyManager;
use portcullis::keyring::RootName;
use portcullis::store::StoreFault;
use serde::Serialize;

/// Whether the gateway takes requests. Clones share the answer.
#[derive(Debug, Clone)]
pub(crate) struct Readiness {
    manager: KeyManager,
    draining: Arc<AtomicBool>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct ReadinessReport {
    pub(crate) ready: bool,
    draining: bool,
    store: StoreReport,
    keyring: KeyringReport,
}

#[derive(Debug, Serialize)]
struct StoreReport {
    fresh: bool,
    age_seconds: f64,
    writable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct KeyringReport {
    missing_roots: Vec<String>,
}

impl Readiness {
    pub(crate) fn new(manager: KeyManager) -> Self {
        Self {
            manager,
            draining: Arc::new(AtomicBool::new(false)),
        }
    }

    /// From now on the gateway takes no more requests.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    pub(crate) fn report(&self) -> ReadinessReport {
        let (draining, status) = (self.draining.load(Relaxed), self.manager.status());
        ReadinessReport {
            ready: status.fresh && !draining,
            draining,
            store: StoreReport {
                fresh: status.fresh,
                age_seconds: status.age.as_secs_f64(),
                writable: status.fault.is_none(),
                fault: status.fault.map(StoreFault::as_str),
                error: status.last_error,
            },
            keyring: KeyringReport {
                missing_roots: status
                    .missing_roots
                    .iter()
                    .map(RootName::to_string)
                    .collect(),
            },
        }
    }
}
