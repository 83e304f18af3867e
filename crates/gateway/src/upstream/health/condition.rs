use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::metrics::{Counted, Meters};

/// What is thought of one address. To look at it takes no lock.
#[derive(Debug)]
pub(in crate::upstream) struct Health {
    start: Instant,
    /// The questions say so.
    is_down: AtomicBool,
    /// In milliseconds since the start, the moment itself included; 0 where it is not ejected.
    ejected_until: AtomicU64,
    is_on_trial: AtomicBool,
    /// Failures one after the other, in halves.
    strikes: AtomicU32,
    history: Mutex<History>,
    meters: Arc<Meters>,
}

#[derive(Debug)]
struct History {
    /// How often it was ejected without doing well for long.
    ejections: u32,
    /// When the last ejection was lifted.
    lifted_at: Option<Instant>,
    shown: Option<Counted>,
}

/// What is to be told of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Condition {
    Up,
    Down,
    Ejected,
}

/// Whether an address gets the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Usable {
    Yes,
    /// One alone, which shows how it is.
    OnTrial,
    No,
}

impl Condition {
    pub(in crate::upstream) const ALL: [Self; 3] = [Self::Up, Self::Down, Self::Ejected];

    pub(in crate::upstream) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ejected => "ejected",
        }
    }
}

impl Health {
    pub(in crate::upstream) fn new(meters: &Arc<Meters>) -> Self {
        let history = History {
            ejections: 0,
            lifted_at: None,
            shown: meters.address(Condition::Up),
        };
        Self {
            start: Instant::now(),
            is_down: AtomicBool::new(false),
            ejected_until: AtomicU64::new(0),
            is_on_trial: AtomicBool::new(false),
            strikes: AtomicU32::new(0),
            history: Mutex::new(history),
            meters: Arc::clone(meters),
        }
    }

    pub(in crate::upstream) fn usable(&self, now: Instant) -> Usable {
        if self.is_down.load(Ordering::Acquire) {
            return Usable::No;
        }
        match self.ejected_until.load(Ordering::Acquire) {
            0 => Usable::Yes,
            until if self.millis(now) < until => Usable::No,
            _ if self.is_on_trial.load(Ordering::Acquire) => Usable::No,
            _ => Usable::OnTrial,
        }
    }

    /// Begins a trial, unless another one is under way.
    pub(in crate::upstream) fn begin_trial(&self) -> bool {
        !self.is_on_trial.swap(true, Ordering::AcqRel)
    }

    pub(in crate::upstream) fn end_trial(&self) {
        self.is_on_trial.store(false, Ordering::Release);
    }

    /// Whether it is ejected, a trial included.
    pub(super) fn is_ejected(&self) -> bool {
        self.ejected_until.load(Ordering::Acquire) != 0
    }

    pub(super) fn condition(&self) -> Condition {
        if self.is_down.load(Ordering::Acquire) {
            Condition::Down
        } else if self.is_ejected() {
            Condition::Ejected
        } else {
            Condition::Up
        }
    }

    /// Failures one after the other, in halves, with these.
    pub(super) fn strike(&self, halves: u32) -> u32 {
        let before = self.strikes.fetch_add(halves, Ordering::AcqRel);
        before.saturating_add(halves)
    }

    /// Forgets failures. Says whether there were any.
    pub(super) fn forgive(&self) -> bool {
        self.strikes.load(Ordering::Acquire) != 0 && self.strikes.swap(0, Ordering::AcqRel) != 0
    }

    /// Leaves it out from now on, for a time that depends on how often it was before.
    pub(super) fn eject(
        &self,
        now: Instant,
        longest: Duration,
        duration: impl Fn(u32) -> Duration,
    ) -> Duration {
        let mut history = self.history();
        let did_well = history
            .lifted_at
            .is_some_and(|lifted| now.saturating_duration_since(lifted) >= longest);
        if did_well {
            history.ejections = 0;
        }
        let duration = duration(history.ejections);
        history.ejections = history.ejections.saturating_add(1);
        let until = self.millis(now + duration).max(1);
        self.ejected_until.store(until, Ordering::Release);
        self.strikes.store(0, Ordering::Release);
        self.show(&mut history);
        duration
    }

    /// Ends an ejection. Says whether there was one.
    pub(super) fn lift(&self, now: Instant) -> bool {
        if !self.is_ejected() {
            return false;
        }
        let mut history = self.history();
        let was_ejected = self.ejected_until.swap(0, Ordering::AcqRel) != 0;
        history.lifted_at = Some(now);
        self.show(&mut history);
        was_ejected
    }

    /// Says whether that is news.
    pub(super) fn set_down(&self, is_down: bool) -> bool {
        let mut history = self.history();
        let was_down = self.is_down.swap(is_down, Ordering::AcqRel);
        self.show(&mut history);
        was_down != is_down
    }

    fn show(&self, history: &mut History) {
        // What is shown no more goes first, so that there are never more than there are.
        history.shown = None;
        history.shown = self.meters.address(self.condition());
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self, at: Instant) -> u64 {
        let millis = at.saturating_duration_since(self.start).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}
