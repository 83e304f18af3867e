use std::collections::HashMap;
use std::time::Duration;

use crate::audit::EventDraft;
use crate::clock::Moment;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Which refused changes the trail was told of, so that whoever tries the same
/// again and again makes it grow by one event and a count in each period.
///
/// Of too many different ones those that are new are counted by their actor,
/// and past that by what was tried alone: how many events a period has is
/// bounded, whatever is tried, and nothing is left uncounted.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    noted: Mutex<Noted>,
}

/// Refused changes by what is the same of them.
type Noted = HashMap<Vec<u8>, Refusal>;

#[derive(Debug)]
struct Refusal {
    draft: EventDraft,
    /// When the trail was last told, or began to be owed a count.
    since: Moment,
    untold: u64,
}

/// What the trail is owed: an event, and how many attempts it stands for.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) draft: EventDraft,
    pub(super) count: u64,
    what: Vec<u8>,
}

/// For how long the same is told once.
const PERIOD: Duration = Duration::from_secs(60);

/// The most refusals that are told one by one in a period.
const TOLD: usize = 100;

/// The most actors whose other refusals are counted apart.
const ACTORS: usize = 100;

impl Refusals {
    /// Takes notice of a refusal; true where the trail is to be told now.
    pub(super) fn note(&self, draft: &EventDraft, now: Moment) -> bool {
        let mut noted = self.lock();
        let what = draft.identity();
        if let Some(refusal) = noted.get_mut(&what) {
            return refusal.again(draft, now);
        }
        if noted.len() >= TOLD {
            noted.retain(|_, refusal| refusal.untold > 0 || !refusal.is_over(now));
        }
        if noted.len() < TOLD {
            noted.insert(what, Refusal::of(draft.clone(), now));
            return true;
        }
        count(&mut noted, draft, now);
        false
    }

    /// Keeps the service that was found for a refusal: it is not asked for again.
    pub(super) fn place(&self, draft: &EventDraft, placed: &EventDraft) {
        if let Some(refusal) = self.lock().get_mut(&draft.identity()) {
            refusal.draft.place_as(placed);
        }
    }

    /// The trail could not be told of it, and is owed it.
    pub(super) fn untold(&self, draft: &EventDraft, now: Moment) {
        let mut noted = self.lock();
        match noted.get_mut(&draft.identity()) {
            Some(refusal) => refusal.untold = refusal.untold.saturating_add(1),
            None => count(&mut noted, draft, now),
        }
    }

    /// What the trail is owed since a period at least, or at all.
    pub(super) fn due(&self, now: Moment, all: bool) -> Vec<Due> {
        let mut noted = self.lock();
        noted.retain(|_, refusal| refusal.untold > 0 || !refusal.is_over(now));
        let owed = noted
            .iter_mut()
            .filter(|(_, refusal)| refusal.untold > 0 && (all || refusal.is_over(now)));
        owed.map(|(what, refusal)| {
            refusal.since = now;
            Due {
                draft: refusal.draft.clone(),
                count: std::mem::take(&mut refusal.untold),
                what: what.clone(),
            }
        })
        .collect()
    }

    /// It could not be told: it is owed again, a period from now on.
    pub(super) fn give_back(&self, due: Vec<Due>, now: Moment) {
        let mut noted = self.lock();
        for Due { draft, count, what } in due {
            let refusal = noted
                .entry(what)
                .or_insert_with(|| Refusal::of(draft.clone(), now));
            refusal.draft.place_as(&draft);
            refusal.untold = refusal.untold.saturating_add(count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a refusal for which there is no place of its own. The kinds of
/// changes and of refusals are few, so that the last resort is bounded.
fn count(noted: &mut Noted, draft: &EventDraft, now: Moment) {
    let mut draft = draft.of_actor();
    let mut what = draft.identity();
    if !noted.contains_key(&what) && noted.len() >= TOLD + ACTORS {
        draft = draft.of_several();
        what = draft.identity();
    }
    let refusal = noted.entry(what).or_insert(Refusal::of(draft, now));
    refusal.untold = refusal.untold.saturating_add(1);
}

impl Refusal {
    fn of(draft: EventDraft, now: Moment) -> Self {
        Self {
            draft,
            since: now,
            untold: 0,
        }
    }

    fn is_over(&self, now: Moment) -> bool {
        now.age_since(self.since) >= PERIOD
    }

    /// The same once more: told at once where the last time is long ago.
    fn again(&mut self, draft: &EventDraft, now: Moment) -> bool {
        let before = std::mem::replace(&mut self.draft, draft.clone());
        self.draft.place_as(&before);
        let tell = self.untold == 0 && self.is_over(now);
        if tell {
            self.since = now;
        } else {
            self.untold = self.untold.saturating_add(1);
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::{ACTORS, PERIOD, Refusals, TOLD};
    use crate::audit::{Action, Actor, EventDraft};
    use crate::clock::{Clock, ManualClock};
    use crate::error::ErrorKind;
    use crate::key::KeyId;

    fn refusal(actor: &str, id: KeyId) -> EventDraft {
        let actor = Actor::new(actor).expect("name");
        let draft = EventDraft::new(Action::KeyRevoke, &actor).key_id(id);
        draft.refused(ErrorKind::NotFound, None)
    }

    #[test]
    fn the_same_is_told_once_in_a_period_and_counted_after_it() {
        let (clock, refusals) = (ManualClock::new(), Refusals::default());
        let same = refusal("a", KeyId::random());
        assert!(refusals.note(&same, clock.now()));
        for _ in 0..1_000 {
            assert!(!refusals.note(&same, clock.now()));
        }
        assert!(refusals.due(clock.now(), false).is_empty(), "not over yet");
        clock.advance(PERIOD);
        assert!(!refusals.note(&same, clock.now()), "owed before it is told");
        let due = refusals.due(clock.now(), false);
        assert_eq!(due.iter().map(|due| due.count).collect::<Vec<_>>(), [1_001]);
        assert!(!refusals.note(&same, clock.now()), "the period goes on");
        refusals.give_back(due, clock.now());
        let due = refusals.due(clock.now(), true);
        assert_eq!(due[0].count, 1_002, "what was not told is owed still");
        clock.advance(PERIOD);
        assert!(refusals.note(&same, clock.now()), "it is long ago");
        clock.advance(PERIOD);
        assert!(refusals.due(clock.now(), false).is_empty());
        assert!(refusals.lock().is_empty(), "and is forgotten");
    }

    #[test]
    fn memory_and_events_are_bounded_and_nothing_is_uncounted() {
        let (clock, refusals) = (ManualClock::new(), Refusals::default());
        let mut told = 0_u64;
        for n in 0..10_000 {
            let actor = format!("actor {}", n % 1_000);
            let draft = refusal(&actor, KeyId::random());
            told += u64::from(refusals.note(&draft, clock.now()));
        }
        assert_eq!(told, TOLD as u64);
        let due = refusals.due(clock.now(), true);
        assert_eq!(due.len(), ACTORS + 1);
        let counted: u64 = due.iter().map(|due| due.count).sum();
        assert_eq!(told + counted, 10_000);
    }
}
