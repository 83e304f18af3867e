use std::error::Error as StdError;
use std::sync::Arc;

use crate::audit::EventDraft;
use crate::error::{Error, ErrorKind, Invalid};
use crate::manager::KeyManager;
use crate::manager::commit::unknown;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::{Operation, StoreErrorKind};

impl KeyManager {
    /// Makes a change that somebody asked for. One that is refused leaves
    /// `draft` as an event: who tries what they may not is told by the trail,
    /// at once or, of many, by their count.
    ///
    /// Both in one task that the caller cannot cancel: whoever asks and goes
    /// away is told of all the same. The event is best effort: where it cannot
    /// be written the answer stays what it is, and the log tells.
    pub(super) async fn attempt<T: Send + 'static>(
        &self,
        draft: EventDraft,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        // To the end of the task: what could not be told is told by the flusher,
        // which ends with the last handle.
        let manager = self.clone();
        let ended = self.shared().runtime.spawn(async move {
            let result = change.await;
            if let Err(error) = &result
                && is_refusal(error.kind())
            {
                manager.shared().record_refusal(draft, error).await;
            }
            result
        });
        ended.await.unwrap_or_else(|_| Err(unknown().into()))
    }
}

impl Shared {
    async fn record_refusal(self: &Arc<Self>, draft: EventDraft, error: &Error) {
        Counters::add(&self.counters.refused_changes);
        let draft = draft.refused(error.kind(), field_of(error));
        if !self.refusals.note(&draft, self.clock.now()) {
            return;
        }
        let mut event = draft.clone();
        self.place(vec![&mut event]).await;
        self.refusals.place(&draft, &event);
        if let Err(unwritten) = self.commit_all(vec![(Operation::Record, event)]).await {
            tracing::warn!(%unwritten, refused = %error, "a refused change is not in the trail yet");
            self.refusals.untold(&draft, self.clock.now());
        }
    }

    /// Tells how often changes were refused that were not told one by one:
    /// those whose period is over, or all. Ends within the time that the store
    /// has for one answer, however many they are: whoever shuts down waits.
    ///
    /// Where the store does not say whether it wrote them they are owed still,
    /// and perhaps told twice: better than not at all.
    pub(super) async fn tell_refusals(self: &Arc<Self>, all: bool) {
        let mut due = self.refusals.due(self.clock.now(), all);
        if due.is_empty() {
            return;
        }
        let patience = self.patience();
        let drafts = due.iter_mut().map(|one| &mut one.draft).collect();
        tokio::select! {
            biased;
            () = self.place(drafts) => {}
            // The other half is for the events themselves.
            () = self.half_patience() => {}
        }
        let steps = due.iter().map(|one| {
            let event = one.draft.clone().after("attempts", one.count);
            (Operation::Record, event)
        });
        if let Err(unwritten) = self.commit_until(steps.collect(), patience).await {
            tracing::warn!(%unwritten, "counts of refused changes are not in the trail yet");
            self.refusals.give_back(due, self.clock.now());
        }
    }

    /// Gives the events their keys' services, so that they are found among
    /// those. Where the store fails, those that are left stay as they are.
    async fn place(&self, drafts: Vec<&mut EventDraft>) {
        for draft in drafts {
            let Some(id) = draft.stray_key() else {
                continue;
            };
            match self.ask_key(id).await {
                Ok((_, loaded)) => {
                    if let Some(key) = loaded.key {
                        *draft = draft.clone().key(&key);
                    }
                }
                // One damaged record says nothing of the others.
                Err(error) if error.kind() == StoreErrorKind::Corrupt => {}
                Err(_) => return,
            }
        }
    }
}

/// Whether the change was turned down: nobody's failure but the asker's.
fn is_refusal(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::State
        | ErrorKind::QuotaReached
        | ErrorKind::Retired
        | ErrorKind::InUse => true,
        ErrorKind::Cursor
        | ErrorKind::Keyring
        | ErrorKind::Unavailable
        | ErrorKind::OutcomeUnknown
        | ErrorKind::Corrupt
        | ErrorKind::NoRuntime => false,
    }
}

/// The name of the field that was not as it must be. Its value stays untold:
/// it may be a secret in the wrong place.
fn field_of(error: &Error) -> Option<&'static str> {
    std::iter::successors(error.source(), |&cause| cause.source())
        .find_map(|cause| cause.downcast_ref::<Invalid>())
        .map(Invalid::field)
}
