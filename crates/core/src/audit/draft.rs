use crate::audit::{Action, Actor, AuditEvent, FieldChange};
use crate::clock::Timestamp;
use crate::key::Key;
use crate::service::Service;

/// An audit event while it is written.
pub(crate) struct EventDraft {
    event: AuditEvent,
}

impl EventDraft {
    pub(crate) fn new(action: Action, actor: &Actor) -> Self {
        Self {
            event: AuditEvent {
                sequence: 0,
                at: Timestamp::from_millis(0),
                actor: actor.clone(),
                action,
                service: None,
                key: None,
                changes: Vec::new(),
            },
        }
    }

    pub(crate) fn service(mut self, service: &Service) -> Self {
        self.event.service = Some(service.name.clone());
        self
    }

    pub(crate) fn key(mut self, key: &Key) -> Self {
        self.event.service = Some(key.service.clone());
        self.event.key = Some(key.id);
        self
    }

    pub(crate) fn after(self, field: &str, after: impl ToString) -> Self {
        self.field(field, None, Some(after.to_string()))
    }

    pub(crate) fn after_if(self, field: &str, after: Option<impl ToString>) -> Self {
        match after {
            Some(after) => self.after(field, after),
            None => self,
        }
    }

    pub(crate) fn change(self, field: &str, before: impl ToString, after: impl ToString) -> Self {
        self.field(field, Some(before.to_string()), Some(after.to_string()))
    }

    fn field(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        self.event.changes.push(FieldChange {
            field: field.to_owned(),
            before,
            after,
        });
        self
    }

    pub(crate) fn into_event(self, at: Timestamp) -> AuditEvent {
        AuditEvent { at, ..self.event }
    }
}
