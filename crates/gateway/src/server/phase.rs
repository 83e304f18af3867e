use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a connection is doing, told by the service above hyper to the socket below it.
///
/// All accesses are from the connection's own task or ordered by its wake-ups, so relaxed is
/// enough.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase {
    inner: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    begun: AtomicU64,
    ended: AtomicU64,
    body: AtomicBool,
}

/// A request that is being answered: from the whole of its head until its response's body is
/// dropped, sent or not.
#[derive(Debug)]
pub(super) struct Answering {
    phase: Phase,
}

impl Phase {
    /// Notes that a request came, and whether it has a body.
    pub(super) fn answer(&self, with_body: bool) -> Answering {
        self.inner.begun.fetch_add(1, Ordering::Relaxed);
        self.inner.body.store(with_body, Ordering::Relaxed);
        Answering {
            phase: self.clone(),
        }
    }

    /// The number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.inner.begun.load(Ordering::Relaxed)
    }

    /// Whether the next thing that may come from the client is the head of a request.
    pub(super) fn awaits_head(&self) -> bool {
        self.inner.ended.load(Ordering::Relaxed) == self.requests()
    }

    /// Whether the last request has a body, of which a part may be still to come.
    pub(super) fn last_has_body(&self) -> bool {
        self.inner.body.load(Ordering::Relaxed)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.phase.inner.ended.fetch_add(1, Ordering::Relaxed);
    }
}
