use portcullis::audit::{AuditEvent, AuditReport, FieldChange};
use serde::Serialize;

/// A page of the trail. `next` is the `--after` of the following one.
#[derive(Debug, Serialize)]
pub(crate) struct AuditPageDto {
    events: Vec<AuditEventDto>,
    next: Option<u64>,
}

#[derive(Debug, Serialize)]
struct AuditEventDto {
    sequence: u64,
    at: String,
    actor: String,
    address: Option<String>,
    request_id: Option<String>,
    action: &'static str,
    service: Option<String>,
    key: Option<String>,
    changes: Vec<ChangeDto>,
}

#[derive(Debug, Serialize)]
struct ChangeDto {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

/// What a walk over the whole trail found.
#[derive(Debug, Serialize)]
pub(crate) struct AuditReportDto {
    whole: bool,
    verified: u64,
    fault: Option<String>,
}

impl AuditPageDto {
    pub(crate) fn new(events: &[AuditEvent], next: Option<u64>) -> Self {
        Self {
            events: events.iter().map(AuditEventDto::from).collect(),
            next,
        }
    }
}

impl From<&AuditEvent> for AuditEventDto {
    fn from(event: &AuditEvent) -> Self {
        Self {
            sequence: event.sequence,
            at: event.at.to_string(),
            actor: event.actor.name().to_owned(),
            address: event
                .actor
                .from_address()
                .map(|address| address.to_string()),
            request_id: event.actor.in_request().map(str::to_owned),
            action: event.action.as_str(),
            service: event.service.as_ref().map(ToString::to_string),
            key: event.key.map(|key| key.to_string()),
            changes: event.changes.iter().map(ChangeDto::from).collect(),
        }
    }
}

impl From<&FieldChange> for ChangeDto {
    fn from(change: &FieldChange) -> Self {
        Self {
            field: change.field.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
        }
    }
}

impl From<&AuditReport> for AuditReportDto {
    fn from(report: &AuditReport) -> Self {
        Self {
            whole: report.is_whole(),
            verified: report.verified,
            fault: report.fault.clone(),
        }
    }
}
