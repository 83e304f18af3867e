use portcullis::{BackupReport, CheckReport};
use serde::Serialize;

/// A copy of the database, found whole. `audit_head` is what `audit verify --head` takes.
#[derive(Debug, Serialize)]
pub(crate) struct BackupDto {
    revision: u64,
    audit_head: String,
    services: u64,
    keys: u64,
    bytes: u64,
}

/// What a look at the whole database found.
#[derive(Debug, Serialize)]
pub(crate) struct CheckDto {
    whole: bool,
    faults: Vec<String>,
    /// How many faults were found beyond those that are told.
    untold: u64,
    services: u64,
    keys: u64,
    secrets: u64,
    events: u64,
}

impl From<&BackupReport> for BackupDto {
    fn from(report: &BackupReport) -> Self {
        Self {
            revision: report.head.revision.count(),
            audit_head: report.audit_head.to_string(),
            services: report.services,
            keys: report.keys,
            bytes: report.bytes,
        }
    }
}

impl CheckDto {
    pub(crate) fn new(report: &CheckReport, faults: Vec<String>) -> Self {
        Self {
            whole: faults.is_empty(),
            faults,
            untold: report.untold(),
            services: report.services(),
            keys: report.keys(),
            secrets: report.secrets(),
            events: report.events(),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }
}
