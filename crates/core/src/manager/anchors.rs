use crate::audit::{
    Action, Actor, Anchor, AuditEvent, CONTENT, Content, EventDraft, PRUNED_THROUGH, Pruned, Told,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::manager::KeyManager;
use crate::manager::verify::Sight;
use crate::store::{AuditHead, Operation, StoredEvent};

/// Events that one change removes at most: what waits for the store's writer
/// meanwhile waits for milliseconds.
const PRUNED_AT_ONCE: u64 = 10_000;

/// How often a change to the trail is tried again because somebody else pruned
/// it meanwhile.
pub(super) const RETRIES: usize = 3;

impl KeyManager {
    /// Signs the end of the audit chain, after a walk over the whole trail.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] where the trail is empty, [`ErrorKind::Corrupt`]
    /// where it has a fault: nobody may sign that. Or what the store says.
    pub async fn anchor_audit(&self, actor: &Actor) -> Result<Anchor, Error> {
        let attempt = EventDraft::new(Action::AuditAnchor, actor);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_anchor_audit(&actor).await };
        self.attempt(attempt, change).await
    }

    pub(super) async fn try_anchor_audit(&self, actor: &Actor) -> Result<Anchor, Error> {
        let trail = self.walk_whole_trail(()).await?;
        if trail.end.sequence == 0 {
            let message = "the audit trail is empty: there is nothing to anchor";
            return Err(Error::new(ErrorKind::State, message));
        }
        let anchor = self.sign(trail.end);
        let event = anchored(&trail.told, actor);
        self.commit(Operation::AnchorAudit(anchor.clone()), event)
            .await?;
        Ok(anchor)
    }

    /// Removes the events that are older than `before`, from the first one on;
    /// the newest event is always kept. The last one that goes is anchored, and
    /// an event says how many went. Walks over the whole trail before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where the trail has a fault: what was altered must
    /// not vanish by being old. [`ErrorKind::Conflict`] where somebody else
    /// pruned meanwhile, again and again, or what the store says. Many events go
    /// in portions: those that went before an error are gone, and told.
    pub async fn prune_audit(&self, before: Timestamp, actor: &Actor) -> Result<Pruned, Error> {
        let attempt = EventDraft::new(Action::AuditPrune, actor).after("older_than", before);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_prune_audit(before, &actor).await };
        self.attempt(attempt, change).await?
    }

    /// The inner error is one that came when a portion was gone already: the
    /// trail must not say that the pruning was refused.
    async fn try_prune_audit(
        &self,
        before: Timestamp,
        actor: &Actor,
    ) -> Result<Result<Pruned, Error>, Error> {
        let (mut pruned, mut retries) = (Pruned::new(0, 0), RETRIES);
        loop {
            match self.prune_portions(before, actor, &mut pruned).await {
                Ok(()) => return Ok(Ok(pruned)),
                Err(error) if error.kind() == ErrorKind::Conflict && retries > 0 => retries -= 1,
                Err(error) if pruned.events > 0 => return Ok(Err(error)),
                Err(error) => return Err(error),
            }
        }
    }

    async fn prune_portions(
        &self,
        before: Timestamp,
        actor: &Actor,
        pruned: &mut Pruned,
    ) -> Result<(), Error> {
        let old = self.walk_whole_trail(Old::new(before)).await?.sight;
        pruned.through = old.first.saturating_sub(1);
        for Mark { place, content } in old.marks {
            let count = place.sequence.saturating_sub(pruned.through);
            let event = EventDraft::new(Action::AuditPrune, actor)
                .after(PRUNED_THROUGH, place.sequence)
                .after("events", count)
                .after("older_than", before)
                .after(CONTENT, content);
            self.commit(Operation::PruneAudit(self.sign(place)), event)
                .await?;
            pruned.events += count;
            pruned.through = place.sequence;
        }
        Ok(())
    }

    pub(super) fn sign(&self, place: AuditHead) -> Anchor {
        let now = self.clock().now().wall();
        Anchor::new(place, now, self.shared().keyring.current())
    }
}

/// The event of an anchor at the end of what is told.
pub(super) fn anchored(told: &Told, actor: &Actor) -> EventDraft {
    told.on(EventDraft::new(Action::AuditAnchor, actor))
}

/// An event up to which may be pruned.
#[derive(Debug, Clone, Copy)]
struct Mark {
    place: AuditHead,
    /// What the events up to it are.
    content: Content,
}

/// Finds the events at the start of the trail that are all older than a time.
#[derive(Debug, Clone)]
struct Old {
    before: Timestamp,
    /// The first event that is kept; 0 before it was seen.
    first: u64,
    /// Where to prune: each mark, the last one too, is older.
    marks: Vec<Mark>,
    /// The last event that is old enough. It counts once another one follows:
    /// the newest event is kept.
    candidate: Option<Mark>,
    ended: bool,
}

impl Old {
    fn new(before: Timestamp) -> Self {
        Self {
            before,
            first: 0,
            marks: Vec::new(),
            candidate: None,
            ended: false,
        }
    }

    /// Moves the last mark on, or sets the next one where that is far enough.
    fn mark(&mut self, next: Mark) {
        let gone = self.first.saturating_sub(1);
        let is_far = |mark: &Mark| (mark.place.sequence - gone).is_multiple_of(PRUNED_AT_ONCE);
        match self.marks.last_mut() {
            Some(last) if !is_far(last) => *last = next,
            _ => self.marks.push(next),
        }
    }
}

impl Sight for Old {
    fn see(&mut self, event: &StoredEvent, content: Content) {
        if self.first == 0 {
            self.first = event.sequence;
        }
        if let Some(mark) = self.candidate.take() {
            self.mark(mark);
        }
        let is_old = !self.ended
            && AuditEvent::decode(event.sequence, &event.bytes)
                .is_ok_and(|event| event.at < self.before);
        self.ended = !is_old;
        if is_old {
            let place = AuditHead {
                sequence: event.sequence,
                mac: event.mac,
            };
            self.candidate = Some(Mark { place, content });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Old, PRUNED_AT_ONCE};
    use crate::audit::{Action, Actor, Content, EventDraft};
    use crate::clock::Timestamp;
    use crate::manager::verify::Sight as _;
    use crate::store::StoredEvent;

    fn event(sequence: u64, at: i64) -> StoredEvent {
        let actor = Actor::new("test").expect("name");
        let draft = EventDraft::new(Action::KeyCreate, &actor);
        let event = draft.into_event(Timestamp::from_millis(at));
        StoredEvent {
            sequence,
            at: event.at,
            service: None,
            key: None,
            root: "k1".parse().expect("name"),
            bytes: event.encode().expect("encoded"),
            mac: [0; 32],
        }
    }

    fn marks(events: impl IntoIterator<Item = (u64, i64)>) -> Vec<u64> {
        let mut old = Old::new(Timestamp::from_millis(100));
        for (sequence, at) in events {
            old.see(&event(sequence, at), Content::EMPTY);
        }
        old.marks.iter().map(|mark| mark.place.sequence).collect()
    }

    #[test]
    fn what_is_old_goes_up_to_the_first_event_that_is_not() {
        assert_eq!(marks([(1, 99), (2, 99), (3, 100), (4, 1)]), [2]);
        assert_eq!(marks([(7, 99), (8, 98), (9, 200)]), [8]);
        assert_eq!(
            marks([(1, 100), (2, 1), (3, 200)]),
            [0; 0],
            "never out of the middle"
        );
        assert_eq!(
            marks([(1, 1), (2, 2), (3, 3)]),
            [2],
            "the newest event stays"
        );
        assert_eq!(marks([(1, 1)]), [0; 0]);
        assert_eq!(marks([]), [0; 0]);
    }

    #[test]
    fn many_events_go_in_portions() {
        let old = |count: u64| {
            (5..5 + count)
                .map(|sequence| (sequence, 1))
                .collect::<Vec<_>>()
        };
        let n = PRUNED_AT_ONCE;
        assert_eq!(marks(old(n + 1)), [4 + n], "one portion, and the newest");
        assert_eq!(marks(old(2 * n + 3)), [4 + n, 4 + 2 * n, 6 + 2 * n]);
    }
}
