use std::fmt;

use portcullis_core::store::{AuditHead, Head};

/// How many faults are told, and how long each is at most, in characters.
const TOLD: usize = 100;
const LONGEST: usize = 500;

/// What a look at a whole database found.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis_store::SqliteStore;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys.db");
/// # drop(SqliteStore::open(&path)?);
/// let report = SqliteStore::check(&path)?;
/// for fault in report.faults() {
///     println!("{fault}");
/// }
/// assert!(report.is_whole());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    pub(super) head: Option<Head>,
    pub(super) audit: Option<AuditHead>,
    pub(super) services: u64,
    pub(super) keys: u64,
    pub(super) secrets: u64,
    pub(super) events: u64,
    faults: Vec<String>,
    untold: u64,
}

impl CheckReport {
    /// Whether no fault was found.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    /// What was found, in words, each one sentence without a full stop; at most
    /// a hundred. None holds a secret.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// How many faults more were found than are told.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// Where the store's history stands; nothing where that does not read.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// The end of the audit trail, as the store has it; nothing where that does
    /// not read.
    #[must_use]
    pub fn audit_head(&self) -> Option<AuditHead> {
        self.audit
    }

    /// How many services were read.
    #[must_use]
    pub fn services(&self) -> u64 {
        self.services
    }

    /// How many keys were read.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How many secrets the keys that were read have together.
    #[must_use]
    pub fn secrets(&self) -> u64 {
        self.secrets
    }

    /// How many audit events are stored.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }
}

impl CheckReport {
    /// Adds a fault, as long as there is room for it.
    pub(super) fn tell(&mut self, fault: &str) {
        let fault: String = fault.chars().take(LONGEST).collect();
        // The same damage is met in several ways.
        if self.faults.last() == Some(&fault) {
            return;
        }
        if self.faults.len() < TOLD {
            self.faults.push(fault);
        } else {
            self.more(1);
        }
    }

    /// Counts faults that are not told.
    pub(super) fn more(&mut self, faults: u64) {
        self.untold = self.untold.saturating_add(faults);
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        if self.untold > 0 {
            writeln!(f, "and {} more", self.untold)?;
        }
        Ok(())
    }
}
