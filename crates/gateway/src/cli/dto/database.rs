use portcullis::audit::AuditReport;
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
    /// How many of the events nobody can say of whether they are as they were written.
    unproven: u64,
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
    /// What a look found, and a walk over the trail where there was one.
    pub(crate) fn new(report: &CheckReport, trail: Option<&AuditReport>) -> Self {
        let mut faults = report.faults().to_vec();
        let fault = trail.and_then(|trail| trail.fault.as_ref());
        faults.extend(fault.map(|fault| format!("the audit trail has a fault: {fault}")));
        Self {
            whole: faults.is_empty(),
            faults,
            untold: report.untold(),
            services: report.services(),
            keys: report.keys(),
            secrets: report.secrets(),
            events: report.events(),
            unproven: trail.map_or(0, |trail| trail.unproven),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(crate) fn unproven(&self) -> u64 {
        self.unproven
    }
}
