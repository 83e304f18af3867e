use crate::audit::{Action, Actor, AuditEvent, FieldChange, Outcome};
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::key::{Key, KeyId};
use crate::service::{Service, ServiceName};
use crate::token::redact;

/// An audit event while it is written.
#[derive(Debug, Clone)]
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
                outcome: Outcome::Done,
            },
        }
    }

    pub(crate) fn service(mut self, service: &Service) -> Self {
        self.event.service = Some(service.name.clone());
        self
    }

    pub(crate) fn service_name(mut self, name: &ServiceName) -> Self {
        self.event.service = Some(name.clone());
        self
    }

    pub(crate) fn key(mut self, key: &Key) -> Self {
        self.event.service = Some(key.service.clone());
        self.event.key = Some(key.id);
        self
    }

    pub(crate) fn key_id(mut self, id: KeyId) -> Self {
        self.event.key = Some(id);
        self
    }

    /// The key whose service is not known yet.
    pub(crate) fn stray_key(&self) -> Option<KeyId> {
        self.event.key.filter(|_| self.event.service.is_none())
    }

    /// Takes the service of the same event where its own is not known.
    pub(crate) fn place_as(&mut self, other: &Self) {
        if self.event.service.is_none() {
            self.event.service.clone_from(&other.event.service);
        }
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

    /// A field whose text may have changed; nothing where it did not.
    pub(crate) fn difference<T: ToString>(
        self,
        field: &str,
        before: Option<T>,
        after: Option<T>,
    ) -> Self {
        let text = |value: Option<T>| value.map(|value| value.to_string());
        let (before, after) = (text(before), text(after));
        if before == after {
            self
        } else {
            self.field(field, before, after)
        }
    }

    /// That the change was refused, and for which field where that is known:
    /// never for which value.
    pub(crate) fn refused(mut self, kind: ErrorKind, field: Option<&'static str>) -> Self {
        self.event.outcome = Outcome::Refused(kind);
        match field {
            Some(field) => self.field(field, None, None),
            None => self,
        }
    }

    /// What is the same of events that differ by their time and request alone.
    pub(crate) fn identity(&self) -> Vec<u8> {
        let event = AuditEvent {
            actor: self.event.actor.in_any_request(),
            ..self.event.clone()
        };
        // Writing it fails never; if it did, it would be one of many.
        event.encode().unwrap_or_default()
    }

    /// That this actor tried this, whatever it concerned.
    pub(crate) fn of_actor(&self) -> Self {
        let actor = self.event.actor.at_any_address();
        let mut draft = Self::new(self.event.action, &actor);
        draft.event.outcome = self.event.outcome;
        draft
    }

    /// That this was tried, by whomever.
    pub(crate) fn of_several(&self) -> Self {
        let mut draft = Self::new(self.event.action, &Actor::several());
        draft.event.outcome = self.event.outcome;
        draft
    }

    /// Stored text may hold a token that new text may not: the trail keeps what
    /// it tells for good, and tells no secret.
    fn field(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        let told = |text: Option<String>| text.map(|text| redact(&text).into_owned());
        self.event.changes.push(FieldChange {
            field: field.to_owned(),
            before: told(before),
            after: told(after),
        });
        self
    }

    pub(crate) fn into_event(self, at: Timestamp) -> AuditEvent {
        AuditEvent { at, ..self.event }
    }
}

#[cfg(test)]
mod tests {
    use super::EventDraft;
    use crate::audit::{Action, Actor};
    use crate::clock::Timestamp;

    #[test]
    fn a_stored_text_that_holds_a_token_is_told_without_its_secret() {
        let actor = Actor::new("test").expect("name");
        let named = format!("pck_live_{}_", "0".repeat(32));
        let stored = format!("{named}{}", "x".repeat(49));
        let event = EventDraft::new(Action::KeyUpdate, &actor)
            .difference("name", Some(stored.as_str()), Some("job"))
            .after("reason", &stored)
            .into_event(Timestamp::from_millis(0));
        let redacted = format!("{named}[redacted]");
        let texts = event
            .changes
            .iter()
            .map(|change| (&change.before, &change.after));
        let texts: Vec<_> = texts.map(|(b, a)| (b.as_deref(), a.as_deref())).collect();
        let expected = [(Some(&*redacted), Some("job")), (None, Some(&*redacted))];
        assert_eq!(texts, expected);
    }
}
