use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

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
    requests: AtomicU64,
    /// How many [`Part`]s there are.
    open: AtomicU64,
    body: AtomicBool,
    /// The connection's task, while it waits for the last part to end elsewhere.
    waits: AtomicWaker,
}

/// A part of a request that is being served: its body, until that is read or dropped; or its
/// answer, from the whole of the request's head until the response's body is dropped, sent or not.
#[derive(Debug)]
pub(super) struct Part {
    phase: Phase,
}

impl Phase {
    /// Notes that a request came, and whether it has a body. The first part is the answer's, the
    /// second the body's.
    pub(super) fn begin(&self, with_body: bool) -> (Part, Option<Part>) {
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        self.inner.body.store(with_body, Ordering::Relaxed);
        (self.part(), with_body.then(|| self.part()))
    }

    /// The number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// Whether the next thing that may come from the client is the head of a request. An answer
    /// may be over before its request is: an upload that is taken goes on.
    pub(super) fn awaits_head(&self) -> bool {
        self.inner.open.load(Ordering::Relaxed) == 0
    }

    /// Wakes the connection's task once a head is awaited. To be called before
    /// [`awaits_head`](Self::awaits_head), so that no end of a body is missed in between.
    pub(super) fn wake_to_await(&self, waker: &Waker) {
        self.inner.waits.register(waker);
    }

    /// Whether the last request has a body, of which a part may be still to come.
    pub(super) fn last_has_body(&self) -> bool {
        self.inner.body.load(Ordering::Relaxed)
    }

    fn part(&self) -> Part {
        self.inner.open.fetch_add(1, Ordering::Relaxed);
        Part {
            phase: self.clone(),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let seen = &self.phase.inner;
        if seen.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            seen.waits.wake();
        }
    }
}
