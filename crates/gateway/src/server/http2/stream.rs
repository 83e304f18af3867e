use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;

use crate::server::Lifeline;

/// One request of a connection, as its body tells the task that carries it.
///
/// Both are the same task, so relaxed is enough.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) lifeline: Lifeline,
    pub(super) carrier: Arc<AtomicWaker>,
    outlet: Arc<Outlet>,
}

/// What hyper has of an answer's body. It asks for the next piece once the client allowed for the
/// one before, and waits for that with nobody but the client to end it.
#[derive(Debug, Default)]
struct Outlet {
    /// How many pieces were given out.
    given: AtomicU64,
    /// Whether hyper has not asked for another since the last.
    waits: AtomicBool,
}

impl Stream {
    pub(super) fn new() -> Self {
        let carrier = Arc::new(AtomicWaker::new());
        Self {
            lifeline: Lifeline::new(Arc::clone(&carrier)),
            carrier,
            outlet: Arc::default(),
        }
    }

    /// Notes that hyper asks for the next piece of the answer.
    pub(super) fn asked(&self) {
        self.outlet.waits.store(false, Ordering::Relaxed);
    }

    /// Notes that it got one.
    pub(super) fn gave(&self) {
        self.outlet.given.fetch_add(1, Ordering::Relaxed);
        self.outlet.waits.store(true, Ordering::Relaxed);
    }

    /// The number of the piece that the client has to allow for, where there is one.
    pub(super) fn waits_for(&self) -> Option<u64> {
        let waits = self.outlet.waits.load(Ordering::Relaxed);
        waits.then(|| self.outlet.given.load(Ordering::Relaxed))
    }
}
