use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::Version;

use super::tunnel::Agreed;
use super::{HeadFault, Lifeline};

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
    /// How many of them are answered, or given up.
    answers: AtomicU64,
    /// How many [`Part`]s there are.
    open: AtomicU64,
    body: AtomicBool,
    is_http10: AtomicBool,
    broke_off: AtomicBool,
    /// How often something of an answer's body went to the client.
    data: AtomicU64,
    stops: AtomicBool,
    lets_go: AtomicBool,
    switches: AtomicBool,
    /// The connection's task, while it waits for a part to end.
    waits: AtomicWaker,
    /// The connection's task, to be woken where a request of it is cut.
    cut: Arc<AtomicWaker>,
    told: Mutex<Told>,
}

/// What the two sides tell each other of the request of now.
#[derive(Debug, Default)]
struct Told {
    refused: Option<HeadFault>,
    spoiled: Option<HeadFault>,
    lifeline: Option<Lifeline>,
    /// The field that asks for another protocol, taken out of the head of the request of now.
    upgrade: Option<Bytes>,
    tunnel: Option<Agreed>,
}

/// A part of a request that is being served: its body, until that is read or dropped; or its
/// answer, from the whole of the request's head until the response's body is dropped, sent or not.
#[derive(Debug)]
pub(super) struct Part {
    phase: Phase,
    is_answer: bool,
}

impl Phase {
    /// Notes that a request came, and whether it has a body. The first part is the answer's, the
    /// second the body's.
    pub(super) fn begin(&self, version: Version, with_body: bool) -> (Part, Option<Part>) {
        let seen = &self.inner;
        seen.requests.fetch_add(1, Ordering::Relaxed);
        seen.body.store(with_body, Ordering::Relaxed);
        let is_http10 = version == Version::HTTP_10;
        seen.is_http10.store(is_http10, Ordering::Relaxed);
        seen.broke_off.store(false, Ordering::Relaxed);
        self.told().spoiled = None;
        (self.part(true), with_body.then(|| self.part(false)))
    }

    /// The number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// The number of requests whose answer is over, sent or not. Their bodies may go on.
    pub(super) fn answers(&self) -> u64 {
        self.inner.answers.load(Ordering::Relaxed)
    }

    /// Whether the next thing that may come from the client is the head of a request. An answer
    /// may be over before its request is: an upload that is taken goes on.
    pub(super) fn awaits_head(&self) -> bool {
        self.inner.open.load(Ordering::Relaxed) == 0
    }

    /// Wakes the connection's task once a part has ended. To be called before
    /// [`awaits_head`](Self::awaits_head), so that no end of a body is missed in between.
    pub(super) fn wake_to_await(&self, waker: &Waker) {
        self.inner.waits.register(waker);
    }

    /// Whether the last request has a body, of which a part may be still to come.
    pub(super) fn last_has_body(&self) -> bool {
        self.inner.body.load(Ordering::Relaxed)
    }

    /// Notes that something of an answer's body went to the client.
    pub(super) fn data_went(&self) {
        self.inner.data.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was.
    pub(super) fn data(&self) -> u64 {
        self.inner.data.load(Ordering::Relaxed)
    }

    /// Notes that the connection is to end once the request of now is answered, if there is one:
    /// its answer says so.
    pub(super) fn stop(&self) {
        self.inner.stops.store(true, Ordering::Relaxed);
    }

    /// Whether the connection is to take no further request.
    pub(super) fn stops(&self) -> bool {
        self.inner.stops.load(Ordering::Relaxed)
    }

    /// Notes that the connection need not wait for another request.
    pub(super) fn let_go(&self) {
        self.inner.lets_go.store(true, Ordering::Relaxed);
    }

    /// Whether to wait for another request is pointless.
    pub(super) fn lets_go(&self) -> bool {
        self.inner.lets_go.load(Ordering::Relaxed)
    }

    /// Notes that the answer of now ends before its end.
    pub(super) fn break_off(&self) {
        self.inner.broke_off.store(true, Ordering::Relaxed);
    }

    /// Whether the last answer ended before its end.
    pub(super) fn has_broken_off(&self) -> bool {
        self.inner.broke_off.load(Ordering::Relaxed)
    }

    /// Whether the last answer ended before its end, and its client may believe that it was whole:
    /// in HTTP/1.0 the end of the connection is that of an answer of unknown length.
    pub(super) fn is_truncated(&self) -> bool {
        self.has_broken_off() && self.inner.is_http10.load(Ordering::Relaxed)
    }

    /// A lifeline for a request of this connection, which is the one of now from here on.
    ///
    /// An answer may be over while its request is still being read. The connection then carries
    /// the next one: to cut the one before takes its body away, and leaves the connection.
    pub(super) fn serve(&self) -> Lifeline {
        let lifeline = Lifeline::new(Arc::clone(&self.inner.cut));
        let before = self.told().lifeline.replace(lifeline.clone());
        drop(before);
        lifeline
    }

    /// Whether the request of now is cut. To be called after what serves the connection was
    /// polled: it may have begun the request just then.
    pub(super) fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.cut.register(cx.waker());
        match self.is_cut() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Whether the request of now is cut.
    pub(super) fn is_cut(&self) -> bool {
        self.told().lifeline.as_ref().is_some_and(Lifeline::is_cut)
    }

    /// Notes that the next request stands in the place of a head that was not taken.
    pub(super) fn refuse(&self, fault: HeadFault) {
        self.told().refused = Some(fault);
    }

    /// Why the head was not taken in whose place this request stands.
    pub(super) fn take_refusal(&self) -> Option<HeadFault> {
        self.told().refused.take()
    }

    /// Notes that the body of the request of now is malformed from here on.
    pub(super) fn spoil(&self, fault: HeadFault) {
        self.told().spoiled = Some(fault);
    }

    /// What is wrong with the body of the request of now.
    pub(super) fn spoiled(&self) -> Option<HeadFault> {
        self.told().spoiled
    }

    /// Notes what the `Upgrade` field of the next request says.
    pub(super) fn ask_upgrade(&self, said: Bytes) {
        self.told().upgrade = Some(said);
    }

    /// What the `Upgrade` field of the request of now says.
    pub(super) fn take_upgrade(&self) -> Option<Bytes> {
        self.told().upgrade.take()
    }

    /// Notes that the connection carries another protocol once the answer of now is out.
    pub(super) fn agree(&self, tunnel: Agreed) {
        self.inner.switches.store(true, Ordering::Relaxed);
        self.told().tunnel = Some(tunnel);
    }

    /// Whether that is so.
    pub(super) fn switches(&self) -> bool {
        self.inner.switches.load(Ordering::Relaxed)
    }

    /// What the connection carries from now on.
    pub(super) fn take_tunnel(&self) -> Option<Agreed> {
        self.told().tunnel.take()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.inner
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn part(&self, is_answer: bool) -> Part {
        self.inner.open.fetch_add(1, Ordering::Relaxed);
        Part {
            phase: self.clone(),
            is_answer,
        }
    }
}

impl Part {
    /// The connection that this is a part of.
    pub(super) const fn phase(&self) -> &Phase {
        &self.phase
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let seen = &self.phase.inner;
        if self.is_answer {
            seen.answers.fetch_add(1, Ordering::Relaxed);
        }
        let was_last = seen.open.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last || self.is_answer {
            seen.waits.wake();
        }
    }
}
