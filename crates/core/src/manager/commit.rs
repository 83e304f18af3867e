use std::sync::Arc;

use crate::audit::{AuditEvent, AuditSeal, EventDraft};
use crate::cache::{Epoch, Stamp};
use crate::error::{Error, ErrorKind};
use crate::key::{Key, KeyId};
use crate::manager::KeyManager;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::{Change, EventRecord, Head, Operation, StoreError, StoreErrorKind};

impl KeyManager {
    /// Replaces a key's record by its `next` one, if it is still of the version
    /// that `next` was made from. Returns it with its new version.
    pub(super) async fn update(&self, next: Key, event: EventDraft) -> Result<Key, Error> {
        let expected = next.version;
        let version = expected.checked_add(1).ok_or_else(|| {
            let message = format!("key {} has a version that cannot be", next.id);
            Error::new(ErrorKind::Corrupt, message)
        })?;
        let key = Key { version, ..next };
        let operation = Operation::UpdateKey {
            key: key.clone(),
            expected,
        };
        self.commit(operation, event).await?;
        Ok(key)
    }

    /// Commits a change with its event, and raises the gate, in a task that
    /// the caller cannot cancel: whoever goes away leaves no change unnoticed.
    pub(super) async fn commit(
        &self,
        operation: Operation,
        draft: EventDraft,
    ) -> Result<Head, Error> {
        let shared = Arc::clone(self.shared());
        let event = draft.into_event(shared.clock.now().wall());
        let bytes = event.encode().map_err(|error| {
            Error::with_source(
                ErrorKind::Corrupt,
                "the audit event cannot be written",
                error,
            )
        })?;
        let record = EventRecord {
            at: event.at,
            service: event.service.clone(),
            key: event.key,
            bytes,
        };
        let seal = AuditSeal::of(shared.keyring.current());
        let change = Change {
            operation,
            event: record,
            seal,
        };
        let committed = self.shared().runtime.spawn(shared.commit(change, event));
        // Only the waiting is bounded; the task goes on.
        let unknown = || {
            StoreError::new(
                StoreErrorKind::OutcomeUnknown,
                "the store did not say whether the change was committed: look before trying again",
            )
        };
        let result = tokio::select! {
            biased;
            result = committed => result.unwrap_or_else(|_| Err(unknown())),
            () = self.shared().patience() => Err(unknown()),
        };
        Ok(result?)
    }
}

impl Shared {
    async fn commit(
        self: Arc<Self>,
        change: Change,
        event: AuditEvent,
    ) -> Result<Head, StoreError> {
        let (services, key) = match &change.operation {
            Operation::CreateService(_) => (true, None),
            Operation::CreateKey { key, .. } | Operation::UpdateKey { key, .. } => {
                (false, Some(key.id))
            }
        };
        let epoch = self.gate.epoch();
        let committed = self.store.commit(change).await;
        // Here and not where it is waited for: the caller may have gone away.
        tell(&event, &committed);
        let head = committed.inspect_err(|_| {
            Counters::add(&self.counters.commit_failures);
        })?;
        if let Some(id) = key {
            self.raise_key(id, epoch, head);
        }
        if services {
            self.raise_services(epoch, head);
        }
        self.witness.met(epoch, head);
        Counters::add(&self.counters.commits);
        Ok(head)
    }

    /// What a store that was asked in `epoch` has told of a key counts from now
    /// on: it is as it was at `head`, or newer.
    pub(super) fn raise_key(self: &Arc<Self>, id: KeyId, epoch: Epoch, head: Head) {
        self.gate.raise_key(id, Stamp::new(epoch, head.revision));
        self.leave(epoch);
    }

    fn raise_services(self: &Arc<Self>, epoch: Epoch, head: Head) {
        self.gate.raise_services(Stamp::new(epoch, head.revision));
        self.renew_services();
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

fn tell(event: &AuditEvent, committed: &Result<Head, StoreError>) {
    let (action, actor) = (event.action.as_str(), event.actor.name());
    let service = event.service.as_ref().map(tracing::field::display);
    let key = event.key.map(tracing::field::display);
    match committed {
        Ok(head) => {
            let revision = head.revision.count();
            tracing::info!(action, actor, service, key, revision, "changed");
        }
        Err(error) if error.kind() == StoreErrorKind::OutcomeUnknown => {
            tracing::error!(action, actor, service, key, %error, "change perhaps made");
        }
        Err(error) => tracing::warn!(action, actor, service, key, %error, "change refused"),
    }
}
