use crate::audit::{Anchor, AuditReport, ChainCheck};
use crate::error::{Error, ErrorKind};
use crate::manager::KeyManager;
use crate::store::{AuditHead, EventsRequest, StoredEvent};

/// Events that are read at a time while the chain is verified.
const BATCH: u32 = 1_000;

/// How often a walk begins again because events were pruned before its feet.
const RETRIES: usize = 3;

/// With what the audit trail is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyAudit {
    head: Option<AuditHead>,
}

impl VerifyAudit {
    /// With what the store holds alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And with a head that was kept elsewhere: it must be on the chain, or
    /// the trail was cut off or written anew.
    #[must_use]
    pub fn head(self, head: AuditHead) -> Self {
        Self { head: Some(head) }
    }
}

/// Looks at each event of a walk, once it was checked.
pub(super) trait Sight: Clone + Send {
    fn see(&mut self, event: &StoredEvent);
}

/// Nobody looks.
impl Sight for () {
    fn see(&mut self, _event: &StoredEvent) {}
}

/// One walk over the trail, and who looked on.
pub(super) struct Walk<S> {
    pub(super) sight: S,
    report: AuditReport,
    /// The end of the trail, as it was when the walk began.
    pub(super) end: AuditHead,
    /// Whether events were pruned meanwhile, so that the walk says nothing.
    pruned_meanwhile: bool,
}

impl KeyManager {
    /// Walks over the whole trail and says whether every event up to the stored
    /// head is as it was written. Events that are appended meanwhile are not
    /// looked at. It holds a thousand events at a time, however many there are.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer. A broken chain is no
    /// error: it is the report.
    pub async fn verify_audit(&self, request: VerifyAudit) -> Result<AuditReport, Error> {
        Ok(self.walk_trail(request, ()).await?.report)
    }

    /// Walks over the trail for whoever is to sign it: where events are not as
    /// they were written, nobody may say that they are.
    pub(super) async fn walk_whole_trail<S: Sight>(&self, sight: S) -> Result<Walk<S>, Error> {
        let walk = self.walk_trail(VerifyAudit::new(), sight).await?;
        match &walk.report.fault {
            None => Ok(walk),
            Some(fault) => {
                let message = format!("the audit trail has a fault: {fault}");
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }

    /// Walks over the trail, again from the start where it was pruned
    /// meanwhile.
    async fn walk_trail<S: Sight>(&self, request: VerifyAudit, sight: S) -> Result<Walk<S>, Error> {
        let mut retries = RETRIES;
        loop {
            let walk = self.walk_once(request, sight.clone()).await?;
            if !walk.pruned_meanwhile || retries == 0 {
                return Ok(walk);
            }
            retries -= 1;
        }
    }

    async fn walk_once<S: Sight>(
        &self,
        request: VerifyAudit,
        mut sight: S,
    ) -> Result<Walk<S>, Error> {
        let shared = self.shared();
        // The anchors before the head: none of them lies behind it.
        let anchors = shared.within(shared.store.anchors()).await?;
        let pruned = first_anchored(&anchors);
        let end = self.audit_head().await?;
        let mut check = ChainCheck::new(&shared.keyring).through(request.head);
        let mut fault = check.anchored(anchors).err();
        while fault.is_none() && check.place().sequence < end.sequence {
            let after = check.place().sequence;
            let left = u32::try_from(end.sequence - after).unwrap_or(u32::MAX);
            let request = EventsRequest {
                after,
                limit: left.min(BATCH),
                ..EventsRequest::default()
            };
            let events = self.stored_events(request).await?;
            if events.is_empty() {
                break;
            }
            for event in events
                .iter()
                .take_while(|event| event.sequence <= end.sequence)
            {
                fault = check.check(event).err();
                if fault.is_some() {
                    break;
                }
                sight.see(event);
            }
            // Only events beyond the head came, or none that follow.
            if check.place().sequence == after {
                break;
            }
        }
        let fault = fault.or_else(|| check.finish(&end).err());
        let pruned_meanwhile = fault.is_some() && {
            let anchors = shared.within(shared.store.anchors()).await?;
            first_anchored(&anchors) != pruned
        };
        Ok(Walk {
            sight,
            report: check.report(fault),
            end,
            pruned_meanwhile,
        })
    }
}

/// The sequence of the first anchor: pruning moves it.
fn first_anchored(anchors: &[Anchor]) -> Option<u64> {
    anchors.iter().map(|anchor| anchor.place.sequence).min()
}
