use std::sync::Arc;

use crate::audit::{AuditSeal, EventDraft};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::manager::KeyManager;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::{Change, EventRecord, Head, Operation, StoreError, StoreErrorKind};

impl KeyManager {
    /// Replaces a key's record, if it is of the version `expected`.
    pub(super) async fn update(
        &self,
        key: Key,
        expected: u64,
        event: EventDraft,
    ) -> Result<Head, Error> {
        self.commit(Operation::UpdateKey { key, expected }, event)
            .await
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
        let committed = self.shared().runtime.spawn(shared.commit(change));
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
            () = self.clock().sleep(self.config().store_timeout) => Err(unknown()),
        };
        match &result {
            Ok(head) => tracing::info!(
                action = event.action.as_str(),
                actor = event.actor.name(),
                service = event.service.as_ref().map(tracing::field::display),
                key = event.key.map(tracing::field::display),
                revision = head.revision.count(),
                "changed"
            ),
            Err(error) => tracing::warn!(
                action = event.action.as_str(),
                actor = event.actor.name(),
                service = event.service.as_ref().map(tracing::field::display),
                key = event.key.map(tracing::field::display),
                %error,
                "change refused"
            ),
        }
        Ok(result?)
    }
}

impl Shared {
    async fn commit(self: Arc<Self>, change: Change) -> Result<Head, StoreError> {
        let (services, key) = match &change.operation {
            Operation::CreateService(_) => (true, None),
            Operation::CreateKey { key, .. } | Operation::UpdateKey { key, .. } => {
                (false, Some(key.id))
            }
        };
        let epoch = self.gate.epoch();
        let head = self.store.commit(change).await.inspect_err(|_| {
            Counters::add(&self.counters.commit_failures);
        })?;
        if let Some(id) = key {
            self.gate.raise_key(id, head.revision);
        }
        if services {
            self.gate.raise_services(head.revision);
            self.renew_services();
        }
        self.witness.met(epoch, head);
        Counters::add(&self.counters.commits);
        Ok(head)
    }
}
