use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use portcullis::KeyManager;
use portcullis::keyring::RootName;
use portcullis::store::StoreFault;
use serde::Serialize;

use crate::reload::{ConfigReport, ConfigStatus, Upstreams};
use crate::upstream::EndpointCounts;

/// Whether the gateway takes requests. Clones share the answer.
#[derive(Debug, Clone)]
pub(crate) struct Readiness {
    manager: KeyManager,
    config: Option<ConfigStatus>,
    upstreams: Arc<ArcSwap<Upstreams>>,
    draining: Arc<AtomicBool>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct ReadinessReport {
    pub(crate) ready: bool,
    draining: bool,
    store: StoreReport,
    keyring: KeyringReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ConfigReport>,
    /// How many endpoints of each are how: their names and numbers, and never an address.
    upstreams: BTreeMap<String, EndpointCounts>,
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
            config: None,
            upstreams: Arc::default(),
            draining: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Tells of the configuration as well. It says nothing of whether the gateway is ready: a file
    /// with a fault must not take all gateways that read it out of service.
    pub(crate) fn with_config(self, config: ConfigStatus) -> Self {
        Self {
            config: Some(config),
            ..self
        }
    }

    /// Tells of the upstreams as well. They say nothing of whether the gateway is ready either: it
    /// answers for those that are there, and what one of them lacks is no better elsewhere.
    pub(crate) fn with_upstreams(self, upstreams: Arc<ArcSwap<Upstreams>>) -> Self {
        Self { upstreams, ..self }
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
            config: self.config.as_ref().map(ConfigStatus::report),
            upstreams: self.upstreams.load().endpoints(),
        }
    }
}
