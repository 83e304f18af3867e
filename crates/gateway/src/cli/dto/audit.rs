use portcullis::audit::{
    Anchor, AuditEvent, AuditReport, FieldChange, HeadCheck, Outcome, Pruned, SignedEvent,
};
use portcullis::manager::AuditPage;
use portcullis::store::AuditHead;
use serde::Serialize;

/// A page of the trail. `next` is the `--after` of the following one.
#[derive(Debug, Serialize)]
pub(crate) struct AuditPageDto {
    events: Vec<AuditEventDto>,
    next: Option<u64>,
}

/// One line of an export.
#[derive(Debug, Serialize)]
pub(crate) struct ExportedEventDto {
    #[serde(flatten)]
    event: AuditEventDto,
    root: String,
    mac: String,
}

#[derive(Debug, Serialize)]
struct AuditEventDto {
    sequence: u64,
    at: String,
    actor: String,
    address: Option<String>,
    request_id: Option<String>,
    action: &'static str,
    /// `done` or `refused`.
    outcome: &'static str,
    /// The kind of error with which it was refused.
    refused: Option<&'static str>,
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
    /// How many events of retired roots are what they were when a later root signed for them.
    attested: u64,
    /// How many of them nothing proves: an earlier version retired their root.
    unproven: u64,
    /// How many events were pruned before the first that is kept.
    pruned: u64,
    /// The event up to which what retired roots signed rests on a signed place.
    anchored: Option<u64>,
    /// `confirmed` or `pruned`, where a head was given and the trail is whole.
    head: Option<&'static str>,
    fault: Option<String>,
}

/// The end of the trail. `head` is what `audit verify --head` takes.
#[derive(Debug, Serialize)]
pub(crate) struct AuditHeadDto {
    head: String,
    sequence: u64,
}

/// A signed place of the trail.
#[derive(Debug, Serialize)]
pub(crate) struct AnchorDto {
    head: String,
    sequence: u64,
    at: String,
    root: String,
}

/// What a pruning removed; `through` is the last event that is gone.
#[derive(Debug, Serialize)]
pub(crate) struct PrunedDto {
    events: u64,
    through: u64,
}

impl From<&AuditPage> for AuditPageDto {
    fn from(page: &AuditPage) -> Self {
        let event = |signed: &SignedEvent| AuditEventDto::from(&signed.event);
        Self {
            events: page.events.iter().map(event).collect(),
            next: page.next,
        }
    }
}

impl From<&SignedEvent> for ExportedEventDto {
    fn from(signed: &SignedEvent) -> Self {
        Self {
            event: AuditEventDto::from(&signed.event),
            root: signed.root.to_string(),
            mac: signed
                .mac
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        }
    }
}

impl From<&AuditEvent> for AuditEventDto {
    fn from(event: &AuditEvent) -> Self {
        let (outcome, refused) = match event.outcome {
            Outcome::Refused(kind) => ("refused", Some(kind.as_str())),
            _ => ("done", None),
        };
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
            outcome,
            refused,
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
            attested: report.attested,
            unproven: report.unproven,
            pruned: report.pruned,
            anchored: report.rests_on.as_ref().map(|anchor| anchor.place.sequence),
            head: match report.head {
                Some(HeadCheck::Confirmed) => Some("confirmed"),
                Some(HeadCheck::Pruned) => Some("pruned"),
                _ => None,
            },
            fault: report.fault.clone(),
        }
    }
}

impl From<AuditHead> for AuditHeadDto {
    fn from(head: AuditHead) -> Self {
        Self {
            head: head.to_string(),
            sequence: head.sequence,
        }
    }
}

impl From<&Anchor> for AnchorDto {
    fn from(anchor: &Anchor) -> Self {
        Self {
            head: anchor.place.to_string(),
            sequence: anchor.place.sequence,
            at: anchor.at.to_string(),
            root: anchor.root.to_string(),
        }
    }
}

impl From<Pruned> for PrunedDto {
    fn from(pruned: Pruned) -> Self {
        Self {
            events: pruned.events,
            through: pruned.through,
        }
    }
}
