use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

use tokio::sync::oneshot;

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Slots for what runs at the same time. While all are taken, askers are
/// served in turn, each in the order of its own: who asks for much waits
/// behind oneself, and whoever comes new behind one of every other asker.
#[derive(Debug)]
pub(crate) struct Turns<A: Copy + Eq + Hash> {
    lines: Mutex<Lines<A>>,
    slots: usize,
}

/// A place in an asker's line, and then a slot; either ends with it.
#[derive(Debug)]
pub(crate) struct Turn<'a, A: Copy + Eq + Hash> {
    turns: &'a Turns<A>,
    asker: A,
    ticket: u64,
}

#[derive(Debug)]
struct Lines<A> {
    /// Slots that are not taken: none while anybody waits.
    free: usize,
    /// The ticket that is drawn next.
    ticket: u64,
    waiting: HashMap<A, BTreeMap<u64, oneshot::Sender<()>>>,
    /// Those who wait, in the order of their turns.
    next: VecDeque<A>,
}

impl<A: Copy + Eq + Hash> Turns<A> {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            lines: Mutex::new(Lines {
                free: slots,
                ticket: 0,
                waiting: HashMap::new(),
                next: VecDeque::new(),
            }),
            slots,
        }
    }

    /// How many slots are taken.
    pub(crate) fn taken(&self) -> usize {
        self.slots - self.lock().free
    }

    /// How many wait for one.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.values().map(BTreeMap::len).sum()
    }

    /// Waits for a slot. Whoever gives up waiting leaves no trace.
    pub(crate) async fn acquire(&self, asker: A) -> Turn<'_, A> {
        let (turn, told) = self.enlist(asker);
        if let Some(told) = told {
            // A sender leaves its line to be used, or with the turn itself.
            let _ = told.await;
        }
        turn
    }

    fn enlist(&self, asker: A) -> (Turn<'_, A>, Option<oneshot::Receiver<()>>) {
        let mut lines = self.lock();
        let ticket = lines.ticket;
        lines.ticket += 1;
        let told = if lines.free > 0 {
            lines.free -= 1;
            None
        } else {
            let (tell, told) = oneshot::channel();
            lines.join(asker, ticket, tell);
            Some(told)
        };
        let turns = self;
        (
            Turn {
                turns,
                asker,
                ticket,
            },
            told,
        )
    }

    fn lock(&self) -> MutexGuard<'_, Lines<A>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Copy + Eq + Hash> Lines<A> {
    fn join(&mut self, asker: A, ticket: u64, tell: oneshot::Sender<()>) {
        let line = self.waiting.entry(asker).or_default();
        if line.is_empty() {
            self.next.push_back(asker);
        }
        line.insert(ticket, tell);
    }

    /// Takes a ticket out of its line; false where it has its slot already.
    fn leave(&mut self, asker: A, ticket: u64) -> bool {
        let Some(line) = self.waiting.get_mut(&asker) else {
            return false;
        };
        let waited = line.remove(&ticket).is_some();
        if line.is_empty() {
            self.waiting.remove(&asker);
            self.next.retain(|other| *other != asker);
        }
        waited
    }

    /// Who has the next turn; the slot is free where nobody waits.
    fn pass_on(&mut self) -> Option<oneshot::Sender<()>> {
        let first = self.next.pop_front().and_then(|asker| {
            let line = self.waiting.get_mut(&asker)?;
            let (_, tell) = line.pop_first()?;
            if line.is_empty() {
                self.waiting.remove(&asker);
            } else {
                self.next.push_back(asker);
            }
            Some(tell)
        });
        if first.is_none() {
            self.free += 1;
        }
        first
    }
}

impl<A: Copy + Eq + Hash> Drop for Turn<'_, A> {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        let tell = if lines.leave(self.asker, self.ticket) {
            None
        } else {
            lines.pass_on()
        };
        drop(lines);
        if let Some(tell) = tell {
            // Whoever has just gone away passes it on, as this one does.
            let _ = tell.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{Turn, Turns};

    fn poll<'a>(turn: impl Future<Output = Turn<'a, u8>>) -> Option<Turn<'a, u8>> {
        let mut turn = pin!(turn);
        match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn askers_are_served_in_turn_and_each_in_order() {
        let turns = Turns::new(1);
        let first = poll(turns.acquire(1)).expect("free");
        // Much by asker 1, and then one each by 2 and 3.
        let (mut a, mut b, mut c) = (
            pin!(turns.acquire(1)),
            pin!(turns.acquire(1)),
            pin!(turns.acquire(1)),
        );
        let (mut d, mut e) = (pin!(turns.acquire(2)), pin!(turns.acquire(3)));
        for waiting in [&mut a, &mut b, &mut c, &mut d, &mut e] {
            assert!(poll(waiting).is_none());
        }
        drop(first);
        let mut order = Vec::new();
        for _ in 0..5 {
            let named = [
                ("a", &mut a),
                ("b", &mut b),
                ("c", &mut c),
                ("d", &mut d),
                ("e", &mut e),
            ];
            for (name, waiting) in named {
                // One that is done is not polled again.
                if !order.contains(&name)
                    && let Some(turn) = poll(waiting)
                {
                    order.push(name);
                    drop(turn);
                    break;
                }
            }
        }
        assert_eq!(order, ["a", "d", "e", "b", "c"]);
        assert_eq!(turns.taken(), 0);
    }

    #[test]
    fn whoever_goes_away_gives_nobody_a_slot_that_is_taken() {
        let turns = Turns::new(1);
        let first = poll(turns.acquire(1)).expect("free");
        let (mut waits, mut gone) = (pin!(turns.acquire(2)), Box::pin(turns.acquire(3)));
        assert!(poll(waits.as_mut()).is_none() && poll(gone.as_mut()).is_none());
        drop(gone);
        assert!(poll(waits.as_mut()).is_none(), "the first has it");
        drop(first);
        assert!(poll(waits.as_mut()).is_some());
    }

    #[test]
    fn whoever_goes_away_leaves_no_trace() {
        let turns = Turns::new(1);
        let first = poll(turns.acquire(1)).expect("free");
        for asker in 0..100 {
            assert!(poll(turns.acquire(asker)).is_none(), "and is dropped");
        }
        let lines = turns.lock();
        assert!(lines.waiting.is_empty() && lines.next.is_empty());
        drop(lines);
        // One that was given its slot and went away before it knew.
        let (mut told, mut behind) = (Box::pin(turns.acquire(1)), pin!(turns.acquire(2)));
        assert!(poll(told.as_mut()).is_none() && poll(behind.as_mut()).is_none());
        drop(first);
        drop(told);
        assert!(poll(behind.as_mut()).is_some(), "the slot is passed on");
        assert_eq!(turns.taken(), 0);
    }
}
