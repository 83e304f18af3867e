use std::error::Error as StdError;
use std::sync::Arc;

use crate::audit::EventDraft;
use crate::error::{Error, ErrorKind, Invalid};
use crate::manager::KeyManager;
use crate::manager::commit::unknown;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::Operation;

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
        let shared = Arc::clone(self.shared());
        let ended = self.shared().runtime.spawn(async move {
            let result = change.await;
            if let Err(error) = &result
                && is_refusal(error.kind())
            {
                shared.record_refusal(draft, error).await;
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
        let event = self.placed(draft.clone()).await;
        if let Err(unwritten) = self.commit_all(vec![(Operation::Record, event)]).await {
            tracing::warn!(%unwritten, refused = %error, "a refused change is not in the trail yet");
            self.refusals.untold(&draft, self.clock.now());
        }
    }

    /// Tells how often changes were refused that were not told one by one:
    /// those whose period is over, or all.
    pub(super) async fn tell_refusals(self: &Arc<Self>, all: bool) {
        let due = self.refusals.due(self.clock.now(), all);
        if due.is_empty() {
            return;
        }
        let mut steps = Vec::with_capacity(due.len());
        for one in &due {
            let event = self.placed(one.draft.clone()).await;
            steps.push((Operation::Record, event.after("attempts", one.count)));
        }
        if let Err(unwritten) = self.commit_all(steps).await {
            tracing::warn!(%unwritten, "counts of refused changes are not in the trail yet");
            self.refusals.give_back(due, self.clock.now());
        }
    }

    /// The event, so that it is found among those of the key's service.
    async fn placed(&self, draft: EventDraft) -> EventDraft {
        match draft.stray_key() {
            Some(id) => match self.ask_key(id).await {
                Ok((_, loaded)) => loaded.key.iter().fold(draft, EventDraft::key),
                Err(_) => draft,
            },
            None => draft,
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
