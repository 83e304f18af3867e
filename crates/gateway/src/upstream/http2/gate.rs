use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::session::MOST_STREAMS;

/// How many connections are opened at once at the most.
const MOST_DIALS: usize = 8;

/// Who may open a connection while others wait for one that they can share: as many as it takes for
/// all who wait.
#[derive(Debug)]
pub(in crate::upstream) struct Gate {
    state: Mutex<State>,
    /// That a connection was opened, or was not, or that there is a place again.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Who needs a place, those among them who open a connection.
    waiting: usize,
    dialling: usize,
    /// How many places the last connection had.
    places: usize,
}

/// Somebody who needs a place.
#[derive(Debug)]
pub(in crate::upstream) struct Waiting<'a> {
    gate: &'a Gate,
}

/// The right to open a connection.
#[derive(Debug)]
pub(in crate::upstream) struct Turn<'a> {
    waiting: Waiting<'a>,
}

impl Gate {
    pub(super) fn new() -> Self {
        let state = State {
            waiting: 0,
            dialling: 0,
            places: MOST_STREAMS,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(super) fn wait(&self) -> Waiting<'_> {
        self.state().waiting += 1;
        Waiting { gate: self }
    }

    /// A connection has so many places.
    pub(super) fn opened(&self, places: usize) {
        self.state().places = places.max(1);
    }

    /// There is a place again on a connection.
    pub(super) fn freed(&self) {
        if self.state().waiting > 0 {
            self.changed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Waiting<'a> {
    /// Until anything changes, from the moment on at which it is enabled.
    pub(in crate::upstream) fn changed(&self) -> Notified<'a> {
        self.gate.changed.notified()
    }

    /// The right to open a connection, if those that are being opened do not do for all.
    pub(in crate::upstream) fn turn(self) -> Result<Turn<'a>, Self> {
        let mut state = self.gate.state();
        let coming = state.dialling.saturating_mul(state.places);
        if state.dialling >= MOST_DIALS || coming >= state.waiting {
            drop(state);
            return Err(self);
        }
        state.dialling += 1;
        drop(state);
        Ok(Turn { waiting: self })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.state().waiting -= 1;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.waiting.gate.state().dialling -= 1;
        self.waiting.gate.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_opened_as_those_who_wait_need() {
        let gate = Gate::new();
        for (places, waiting, dials) in [
            (100, 1, 1),
            (100, 100, 1),
            (100, 101, 2),
            (2, 5, 3),
            (1, 50, MOST_DIALS),
        ] {
            gate.opened(places);
            let mut turns = Vec::new();
            let mut rest: Vec<_> = (0..waiting).map(|_| gate.wait()).collect();
            for one in std::mem::take(&mut rest) {
                match one.turn() {
                    Ok(turn) => turns.push(turn),
                    Err(one) => rest.push(one),
                }
            }
            assert_eq!(turns.len(), dials, "{waiting} at {places}");
            // One that fails makes room for the next.
            turns.pop();
            turns.push(gate.wait().turn().expect("a turn"));
        }
        let state = gate.state();
        assert_eq!((state.waiting, state.dialling), (0, 0));
    }
}
