use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::Gauge;
use tokio::time::Instant;

use crate::upstream::metrics::Counted;

/// How many streams a connection has, and since when it has none.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
    /// Of the connections that are open and have none.
    gauge: Gauge,
}

#[derive(Debug)]
struct State {
    under_way: usize,
    idle_since: Instant,
    counted: Option<Counted>,
    is_closed: bool,
}

impl Places {
    pub(super) fn new(gauge: Gauge) -> Self {
        let state = State {
            under_way: 0,
            idle_since: Instant::now(),
            counted: None,
            is_closed: false,
        };
        Self {
            state: Mutex::new(state),
            gauge,
        }
    }

    /// Takes one, if there are not so many yet.
    pub(super) fn enter(&self, most: usize) -> bool {
        let mut state = self.state();
        let has_place = state.under_way < most;
        if has_place {
            state.under_way += 1;
            state.counted = None;
        }
        has_place
    }

    /// Gives one back, and says whether none are taken any more.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        let is_idle = state.under_way == 0;
        if is_idle {
            state.idle_since = Instant::now();
            state.counted = (!state.is_closed).then(|| Counted::new(&self.gauge));
        }
        is_idle
    }

    /// The connection is over: it counts no more, whoever still has a place on it.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.counted = None;
    }

    pub(super) fn are_used(&self) -> bool {
        self.state().under_way > 0
    }

    /// Whether none have been taken for so long.
    pub(super) fn are_idle(&self, now: Instant, timeout: Duration) -> bool {
        let state = self.state();
        state.under_way == 0 && now.saturating_duration_since(state.idle_since) >= timeout
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
