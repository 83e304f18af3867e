use std::error::Error as StdError;

use crate::audit::EventDraft;
use crate::error::{Error, ErrorKind, Invalid};
use crate::manager::KeyManager;
use crate::store::Operation;

impl KeyManager {
    /// Waits for a change that somebody asked for. One that is refused leaves
    /// `draft` as an event: who tries what they may not is told by the trail.
    ///
    /// Best effort: where the event cannot be written the answer stays what it
    /// is, and the log tells.
    pub(super) async fn attempt<T>(
        &self,
        draft: EventDraft,
        change: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let error = match change.await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if is_refusal(error.kind()) {
            self.record_refusal(draft, &error).await;
        }
        Err(error)
    }

    async fn record_refusal(&self, mut draft: EventDraft, error: &Error) {
        // So that it is found among the events of the key's service.
        if let Some(id) = draft.stray_key()
            && let Ok(key) = self.key(id).await
        {
            draft = draft.key(&key);
        }
        let draft = draft.refused(error.kind(), field_of(error));
        if let Err(unwritten) = self.commit(Operation::Record, draft).await {
            tracing::warn!(%unwritten, refused = %error, "a refused change is missing in the trail");
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
