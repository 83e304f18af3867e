use std::collections::BTreeSet;

use crate::audit::{Anchor, AuditReport, ChainCheck, Content, Start, Told};
use crate::error::{Error, ErrorKind};
use crate::manager::KeyManager;
use crate::store::{AuditHead, EventsRequest, StoredEvent};

/// Events that are read at a time while the chain is verified.
const BATCH: u32 = 1_000;

/// How often a walk begins at most: again where events were pruned before its
/// feet, where a place was anchored that it did not know of, and where it learned
/// only later what was pruned before.
const WALKS: usize = 6;

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
    /// `content` is that of the trail up to the event.
    fn see(&mut self, event: &StoredEvent, content: Content);
}

/// Nobody looks.
impl Sight for () {
    fn see(&mut self, _event: &StoredEvent, _content: Content) {}
}

/// What a walk over a trail brought: to be signed only where it was found whole.
pub(super) struct WalkedTrail<S> {
    pub(super) sight: S,
    /// The end of the trail, as it was when the walk began.
    pub(super) end: AuditHead,
    /// What whoever signs that place tells.
    pub(super) told: Told,
}

/// For what somebody walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To know whether the trail is whole.
    Report,
    /// To tell what it is.
    Tell,
}

/// How a walk ended.
enum Walked<S> {
    /// At the end of the trail, or at a fault.
    Ended(Box<(AuditReport, WalkedTrail<S>)>),
    /// Events were pruned meanwhile, so that it says nothing.
    Pruned,
    /// Events tell of a place that was anchored meanwhile, so that it says
    /// nothing.
    Anchored,
    /// It found with what it should have begun.
    Again(Start),
}

impl KeyManager {
    /// Walks over the whole trail and says whether every event up to the stored
    /// head is as it was written. Events that are appended meanwhile are not
    /// looked at. It holds a thousand events at a time, however many there are.
    ///
    /// A pruned trail may be walked over twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] where the trail was pruned or anchored again and
    /// again meanwhile, or what the store says where it does not answer. A broken chain
    /// is no error: it is the report.
    pub async fn verify_audit(&self, request: VerifyAudit) -> Result<AuditReport, Error> {
        let (report, _) = self.walk_trail(request, Purpose::Report, ()).await?;
        Ok(report)
    }

    /// Walks over the trail for whoever is to sign it: where events are not as
    /// they were written, nobody may say that they are.
    pub(super) async fn walk_whole_trail<S: Sight>(
        &self,
        sight: S,
    ) -> Result<WalkedTrail<S>, Error> {
        let (report, whole) = self
            .walk_trail(VerifyAudit::new(), Purpose::Tell, sight)
            .await?;
        match report.fault {
            None => Ok(whole),
            Some(fault) => {
                let message = format!("the audit trail has a fault: {fault}");
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }

    /// Walks over the trail until a walk says something.
    async fn walk_trail<S: Sight>(
        &self,
        request: VerifyAudit,
        purpose: Purpose,
        sight: S,
    ) -> Result<(AuditReport, WalkedTrail<S>), Error> {
        let mut start = None;
        for _ in 0..WALKS {
            match self
                .walk_once(request, purpose, start, sight.clone())
                .await?
            {
                Walked::Ended(ended) => return Ok(*ended),
                Walked::Pruned => start = None,
                Walked::Anchored => {}
                Walked::Again(found) => start = Some(found),
            }
        }
        let message = "the audit trail was pruned or anchored while it was read: try again";
        Err(Error::new(ErrorKind::Conflict, message))
    }

    async fn walk_once<S: Sight>(
        &self,
        request: VerifyAudit,
        purpose: Purpose,
        start: Option<Start>,
        mut sight: S,
    ) -> Result<Walked<S>, Error> {
        let shared = self.shared();
        // First of all: where another one is the first afterwards, nothing that
        // was read in between belongs together.
        let first = self.first_kept().await?;
        // The anchors before the head: none of them lies behind it.
        let anchors = shared.within(shared.store.anchors()).await?;
        let end = self.audit_head().await?;
        let mut check = ChainCheck::new(&shared.keyring)
            .through(request.head)
            .starting(start);
        let known: BTreeSet<u64> = sequences(&anchors).collect();
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
                sight.see(event, check.content());
            }
            // Only events beyond the head came, or none that follow.
            if check.place().sequence == after {
                break;
            }
        }
        if fault.is_none()
            && let Some(start) = check.missed_start(purpose == Purpose::Tell)
        {
            return Ok(Walked::Again(start));
        }
        let fault = fault.or_else(|| check.finish(&end).err());
        if fault.is_some() && self.first_kept().await? != first {
            return Ok(Walked::Pruned);
        }
        if fault.is_some() && self.knows_not_all_anchors(&known, end).await? {
            return Ok(Walked::Anchored);
        }
        let told = check.to_tell();
        let trail = WalkedTrail { sight, end, told };
        Ok(Walked::Ended(Box::new((check.report(fault), trail))))
    }

    /// Whether there are others than the `known` anchors within the trail: an
    /// event that came before its end was read may tell of one of them.
    async fn knows_not_all_anchors(
        &self,
        known: &BTreeSet<u64>,
        end: AuditHead,
    ) -> Result<bool, Error> {
        let shared = self.shared();
        let anchors = shared.within(shared.store.anchors()).await?;
        let mut within = sequences(&anchors).filter(|&sequence| sequence <= end.sequence);
        Ok(within.any(|sequence| !known.contains(&sequence)))
    }

    /// The sequence of the first event that is kept: pruning moves it, and
    /// nothing else does.
    async fn first_kept(&self) -> Result<Option<u64>, Error> {
        let request = EventsRequest {
            limit: 1,
            ..EventsRequest::default()
        };
        let events = self.stored_events(request).await?;
        Ok(events.first().map(|event| event.sequence))
    }
}

fn sequences(anchors: &[Anchor]) -> impl Iterator<Item = u64> {
    anchors.iter().map(|anchor| anchor.place.sequence)
}
