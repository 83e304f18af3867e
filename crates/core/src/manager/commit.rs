use std::sync::Arc;

use crate::audit::{AuditEvent, AuditSeal, EventDraft, Outcome};
use crate::cache::{Epoch, Stamp};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::key::{Key, KeyId};
use crate::manager::KeyManager;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::service::Service;
use crate::store::{Change, EventRecord, Head, Operation, Step, StoreError, StoreErrorKind};

impl KeyManager {
    /// Replaces a key's record by its `next` one, if it is still of the version
    /// that `next` was made from. Returns it with its new version.
    pub(super) async fn update(&self, next: Key, event: EventDraft) -> Result<Key, Error> {
        let (operation, key) = replacement(next, self.clock().now().wall())?;
        self.commit(operation, event).await?;
        Ok(key)
    }

    /// The same of a service.
    pub(super) async fn update_service_record(
        &self,
        next: Service,
        event: EventDraft,
    ) -> Result<Service, Error> {
        let expected = next.version;
        let version = following(expected, || format!("service {}", next.name))?;
        let service = Service { version, ..next };
        let operation = Operation::UpdateService {
            service: service.clone(),
            expected,
        };
        self.commit(operation, event).await?;
        Ok(service)
    }

    /// Commits one step with its event.
    pub(super) async fn commit(
        &self,
        operation: Operation,
        event: EventDraft,
    ) -> Result<Head, Error> {
        self.commit_all(vec![(operation, event)]).await
    }

    /// Commits steps with their events as one change.
    pub(super) async fn commit_all(
        &self,
        drafts: Vec<(Operation, EventDraft)>,
    ) -> Result<Head, Error> {
        self.shared().commit_all(drafts).await
    }
}

/// The step that replaces a key's record by its `next` one at `now`, and the
/// record with its new version.
pub(super) fn replacement(next: Key, now: Timestamp) -> Result<(Operation, Key), Error> {
    let expected = next.version;
    let version = following(expected, || format!("key {}", next.id))?;
    let key = Key { version, ..next };
    let operation = Operation::UpdateKey {
        key: key.clone(),
        expected,
        now,
    };
    Ok((operation, key))
}

fn following(version: u64, what: impl FnOnce() -> String) -> Result<u64, Error> {
    version.checked_add(1).ok_or_else(|| {
        let message = format!("{} has a version that cannot be", what());
        Error::new(ErrorKind::Corrupt, message)
    })
}

fn record(event: &AuditEvent) -> Result<EventRecord, Error> {
    let bytes = event.encode().map_err(|error| {
        let message = "the audit event cannot be written";
        Error::with_source(ErrorKind::Corrupt, message, error)
    })?;
    Ok(EventRecord {
        at: event.at,
        service: event.service.clone(),
        key: event.key,
        bytes,
    })
}

impl Shared {
    /// Commits steps with their events as one change, and raises the gate, in
    /// a task that the caller cannot cancel: whoever goes away leaves no change
    /// unnoticed.
    pub(super) async fn commit_all(
        self: &Arc<Self>,
        drafts: Vec<(Operation, EventDraft)>,
    ) -> Result<Head, Error> {
        self.commit_until(drafts, self.patience()).await
    }

    /// The same, waiting for the answer until `given_up` ends.
    pub(super) async fn commit_until(
        self: &Arc<Self>,
        drafts: Vec<(Operation, EventDraft)>,
        given_up: impl Future<Output = ()>,
    ) -> Result<Head, Error> {
        let now = self.clock.now().wall();
        let (mut steps, mut events) = (Vec::new(), Vec::new());
        for (operation, draft) in drafts {
            let event = draft.into_event(now);
            let event_record = record(&event)?;
            steps.push(Step {
                operation,
                event: event_record,
            });
            events.push(event);
        }
        let seal = AuditSeal::of(self.keyring.current());
        let shared = Arc::clone(self);
        let committed = self
            .runtime
            .spawn(shared.commit(Change { steps, seal }, events));
        // Only the waiting is bounded; the task goes on.
        let result = tokio::select! {
            biased;
            result = committed => result.unwrap_or_else(|_| Err(unknown())),
            () = given_up => Err(unknown()),
        };
        Ok(result?)
    }

    async fn commit(
        self: Arc<Self>,
        change: Change,
        events: Vec<AuditEvent>,
    ) -> Result<Head, StoreError> {
        let (services, keys) = touched(&change);
        let epoch = self.gate.epoch();
        // Taken before the change is sent: in the same life it comes later.
        let newest = self.witness.newest(epoch);
        let committed = self.store.commit(change).await;
        // Here and not where it is waited for: the caller may have gone away.
        for event in &events {
            tell(event, &committed);
        }
        let head = committed.inspect_err(|_| {
            Counters::add(&self.counters.commit_failures);
        })?;
        for id in keys {
            self.raise_key(id, epoch, head);
        }
        if services {
            self.raise_services(epoch, head);
        }
        if newest.is_some_and(|newest| head.revision <= newest.revision) {
            // The store was restored: what is cached was read in the life that
            // ended, and its greater revisions would outlast this change.
            self.begin_epoch();
        }
        self.witness.met(epoch, head);
        Counters::add(&self.counters.commits);
        Ok(head)
    }

    /// What a store that was asked in `epoch` has told of a key counts from now
    /// on: it is as it was at `head`, or newer.
    pub(super) fn raise_key(self: &Arc<Self>, id: KeyId, epoch: Epoch, head: Head) {
        self.gate.raise_key(id, Stamp::new(epoch, head.revision));
        self.raises.tell();
        self.leave(epoch);
    }

    /// The same of the services.
    pub(super) fn raise_services(self: &Arc<Self>, epoch: Epoch, head: Head) {
        self.gate.raise_services(Stamp::new(epoch, head.revision));
        self.renew_services();
        self.raises.tell();
        self.leave(epoch);
    }

    /// Where the store turned out to be another one since `epoch`, nobody can
    /// say in which of its lives a revision was told: all is read anew.
    fn leave(self: &Arc<Self>, epoch: Epoch) {
        if self.gate.epoch() != epoch {
            self.begin_epoch();
        }
    }
}

/// What is known of a change whose answer did not come.
pub(super) fn unknown() -> StoreError {
    StoreError::new(
        StoreErrorKind::OutcomeUnknown,
        "the store did not say whether the change was committed: look before trying again",
    )
}

/// Whether a change touches services, and which keys it does.
fn touched(change: &Change) -> (bool, Vec<KeyId>) {
    let (mut services, mut keys) = (false, Vec::new());
    for step in &change.steps {
        match &step.operation {
            Operation::CreateService(_) | Operation::UpdateService { .. } => services = true,
            Operation::CreateKey { key, .. } | Operation::UpdateKey { key, .. } => {
                keys.push(key.id);
            }
            Operation::RevokeDamagedKey { id, .. } => keys.push(*id),
            Operation::Record
            | Operation::RetireRoot { .. }
            | Operation::AnchorAudit(_)
            | Operation::PruneAudit(_) => {}
        }
    }
    (services, keys)
}

fn tell(event: &AuditEvent, committed: &Result<Head, StoreError>) {
    let (action, actor) = (event.action.as_str(), event.actor.name());
    let service = event.service.as_ref().map(tracing::field::display);
    let key = event.key.map(tracing::field::display);
    match (committed, event.outcome) {
        (Ok(head), Outcome::Done) => {
            let revision = head.revision.count();
            tracing::info!(action, actor, service, key, revision, "changed");
        }
        (Ok(_), Outcome::Refused(kind)) => {
            let kind = kind.as_str();
            tracing::warn!(action, actor, service, key, kind, "change refused");
        }
        (Err(error), _) if error.kind() == StoreErrorKind::OutcomeUnknown => {
            tracing::error!(action, actor, service, key, %error, "change perhaps made");
        }
        (Err(error), _) => {
            tracing::warn!(action, actor, service, key, %error, "change not made");
        }
    }
}
