use crate::audit::{AuditEvent, AuditReport, ChainCheck};
use crate::error::{Error, ErrorKind, Invalid};
use crate::manager::KeyManager;
use crate::store::AuditHead;

/// Events that are read at a time while the chain is verified.
const BATCH: u32 = 1_000;

impl KeyManager {
    /// The audit events after sequence `after`, at most `limit` (1 to 1,000).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a limit out of range, [`ErrorKind::Corrupt`]
    /// where an event cannot be read, or what the store says.
    pub async fn audit_events(&self, after: u64, limit: u32) -> Result<Vec<AuditEvent>, Error> {
        if !(1..=BATCH).contains(&limit) {
            return Err(Invalid::new("limit", "1 to 1,000 events").into());
        }
        let shared = self.shared();
        let events = shared.within(shared.store.events(after, limit)).await?;
        let decode = |event: crate::store::StoredEvent| {
            AuditEvent::decode(event.sequence, &event.bytes).map_err(|error| {
                let message = format!("audit event {} cannot be read", event.sequence);
                Error::with_source(ErrorKind::Corrupt, message, error)
            })
        };
        events.into_iter().map(decode).collect()
    }

    /// The end of the audit chain.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer.
    pub async fn audit_head(&self) -> Result<AuditHead, Error> {
        Ok(self
            .shared()
            .within(self.shared().store.audit_head())
            .await?)
    }

    /// Walks over the whole chain and says whether every event up to the stored
    /// head is as it was written. Events that are appended meanwhile are not
    /// looked at.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer. A broken chain is no
    /// error: it is the report.
    pub async fn verify_audit(&self) -> Result<AuditReport, Error> {
        let shared = self.shared();
        let head = self.audit_head().await?;
        let mut check = ChainCheck::new(&shared.keyring);
        let mut fault = None;
        while fault.is_none() && check.sequence() < head.sequence {
            let left = u32::try_from(head.sequence - check.sequence())
                .unwrap_or(u32::MAX)
                .min(BATCH);
            let events = shared
                .within(shared.store.events(check.sequence(), left))
                .await?;
            if events.is_empty() {
                break;
            }
            fault = events.iter().find_map(|event| check.check(event).err());
        }
        let fault = fault.or_else(|| check.finish(&head).err());
        Ok(AuditReport {
            verified: check.sequence(),
            fault,
        })
    }
}
