use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis::clock::Timestamp;
use serde::Serialize;

use super::metrics::ConfigMetrics;
use crate::config::ConfigError;

/// Which configuration counts, and what is wrong with the one that does not. Clones share it.
#[derive(Clone)]
pub(crate) struct ConfigStatus {
    shared: Arc<Shared>,
}

struct Shared {
    metrics: ConfigMetrics,
    report: Mutex<ConfigReport>,
}

/// The configuration in the answer of `/readyz`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ConfigReport {
    applied_at: String,
    /// Whether the one that was read last has no fault.
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    restart_needed: BTreeSet<String>,
}

impl ConfigStatus {
    /// A gateway that starts. Its counters go to the recorder that is installed now.
    pub(crate) fn new(now: Timestamp) -> Self {
        let metrics = ConfigMetrics::new();
        metrics.started(now);
        let report = ConfigReport {
            applied_at: now.to_string(),
            valid: true,
            error: None,
            restart_needed: BTreeSet::new(),
        };
        let shared = Shared {
            metrics,
            report: Mutex::new(report),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What there is to tell now.
    pub(crate) fn report(&self) -> ConfigReport {
        self.locked().clone()
    }

    /// What is served by, in a word.
    pub(super) fn in_a_word(&self) -> &'static str {
        match self.locked().error {
            None => "serving",
            Some(_) => "serving by the configuration before: the log says what is wrong with this",
        }
    }

    pub(super) fn applied(&self, now: Timestamp, restart_needed: BTreeSet<String>) {
        let waiting = restart_needed.len();
        *self.locked() = ConfigReport {
            applied_at: now.to_string(),
            valid: true,
            error: None,
            restart_needed,
        };
        // Whoever sees it counted finds it told.
        self.shared.metrics.applied(now, waiting);
    }

    pub(super) fn invalid(&self, error: &ConfigError) {
        let mut report = self.locked();
        report.valid = false;
        report.error = Some(in_short(error));
        drop(report);
        self.shared.metrics.invalid();
    }

    pub(super) fn failed(&self, error: String) {
        self.locked().error = Some(error);
        self.shared.metrics.failed();
    }

    fn locked(&self) -> MutexGuard<'_, ConfigReport> {
        let report = self.shared.report.lock();
        report.unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line of what the log tells in many.
fn in_short(error: &ConfigError) -> String {
    let faults = error.faults();
    let Some(first) = faults.first() else {
        return "the file cannot be read".to_owned();
    };
    let noun = match faults.len() {
        1 => "1 fault",
        many => &format!("{many} faults, the first"),
    };
    format!(
        "{noun}: line {}, column {}: {first}",
        first.line(),
        first.column()
    )
}

impl fmt::Debug for ConfigStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigStatus").field(&self.report()).finish()
    }
}
