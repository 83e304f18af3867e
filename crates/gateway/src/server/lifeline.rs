use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use hyper::body::Incoming;
use portcullis::verdict::DenialReason;

/// By what a request that is being served can be ended from outside, in two steps.
///
/// [`end`](Self::end) asks: whoever makes the answer, and whoever reads the request's body, are
/// woken and end it in its protocol's own way. [`cut`](Self::cut) asks nobody: it takes the
/// request's body away and has the task that carries the request drop it, also where that task
/// waits for a client that takes nothing. Both do nothing once the request is
/// [`over`](Self::over): the next one on its connection is another's.
#[derive(Clone, Debug)]
pub(crate) struct Lifeline {
    strand: Arc<Strand>,
}

/// Why a request was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// Its key would not be granted any more.
    Denied(DenialReason),
    /// Nobody could say for too long whether its key would be.
    CutOff,
    /// The gateway stops.
    Draining,
}

#[derive(Debug)]
struct Strand {
    state: AtomicU8,
    reason: OnceLock<EndReason>,
    /// Whoever makes the answer.
    answer: AtomicWaker,
    /// Whoever reads the request's body. That is another task than the answer's.
    upload: AtomicWaker,
    /// The task that carries the request: the connection's, or the stream's.
    carrier: Arc<AtomicWaker>,
    /// While this is here nobody else holds the body: HTTP/2 resets a stream when the last who
    /// holds a part of it lets go.
    body: Mutex<Option<Incoming>>,
}

const LIVE: u8 = 0;
const ENDING: u8 = 1;
const CUT: u8 = 2;
const OVER: u8 = 3;

impl Lifeline {
    /// A request's, which the task that registers with `carrier` carries.
    pub(crate) fn new(carrier: Arc<AtomicWaker>) -> Self {
        Self {
            strand: Arc::new(Strand {
                state: AtomicU8::new(LIVE),
                reason: OnceLock::new(),
                answer: AtomicWaker::new(),
                upload: AtomicWaker::new(),
                carrier,
                body: Mutex::new(None),
            }),
        }
    }

    /// Asks for the request's end, once. Says whether this was what ended it.
    pub(crate) fn end(&self, reason: EndReason) -> bool {
        let ended = self.strand.reason.set(reason).is_ok() && self.strand.turn(&[LIVE], ENDING);
        if ended {
            self.strand.wake();
        }
        ended
    }

    /// Ends the request whether anybody is polled or not; `reason` counts where it was not asked
    /// to end before. Says whether there was anything left to cut.
    pub(crate) fn cut(&self, reason: EndReason) -> bool {
        let strand = &*self.strand;
        let _ = strand.reason.set(reason);
        let cut = strand.turn(&[LIVE, ENDING], CUT);
        if cut {
            drop(strand.take_body());
            strand.wake();
            strand.carrier.wake();
        }
        cut
    }

    /// The request is answered: nothing ends it any more.
    pub(crate) fn over(&self) {
        self.strand.turn(&[LIVE, ENDING], OVER);
    }

    /// Whether it is.
    pub(crate) fn is_over(&self) -> bool {
        self.strand.state() == OVER
    }

    /// Whether the request was asked to end, also where what was asked of it is over by now.
    pub(super) fn was_asked_to_end(&self) -> bool {
        self.strand.reason.get().is_some()
    }

    /// Whether the answer is to end, for whoever makes it.
    pub(crate) fn poll_ending(&self, cx: &mut Context<'_>) -> Poll<EndReason> {
        self.strand.answer.register(cx.waker());
        self.strand.ending()
    }

    /// Whether the request's body is to end, for whoever reads it.
    pub(super) fn poll_upload_ended(&self, cx: &mut Context<'_>) -> Poll<EndReason> {
        self.strand.upload.register(cx.waker());
        self.strand.ending()
    }

    /// Whether the request was cut. The carrier registers itself.
    pub(crate) fn is_cut(&self) -> bool {
        self.strand.state() == CUT
    }

    /// Keeps the request's body, until it is cut or [let go](Self::release).
    pub(super) fn hold(&self, body: Incoming) {
        *self.strand.body() = Some(body);
    }

    /// Uses the body, where it has not been taken away.
    pub(super) fn with_body<R>(&self, using: impl FnOnce(Pin<&mut Incoming>) -> R) -> Option<R> {
        let mut body = self.strand.body();
        body.as_mut().map(|body| using(Pin::new(body)))
    }

    /// Lets the body go.
    pub(super) fn release(&self) {
        drop(self.strand.take_body());
    }
}

impl Strand {
    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    /// Goes on from one of these states, and says whether it was in one.
    fn turn(&self, from: &[u8], to: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let next = |now| from.contains(&now).then_some(to);
        self.state.fetch_update(success, failure, next).is_ok()
    }

    fn ending(&self) -> Poll<EndReason> {
        match (self.state(), self.reason.get()) {
            (ENDING | CUT, Some(reason)) => Poll::Ready(*reason),
            _ => Poll::Pending,
        }
    }

    fn wake(&self) {
        self.answer.wake();
        self.upload.wake();
    }

    fn body(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be dropped where nothing is locked.
    fn take_body(&self) -> Option<Incoming> {
        self.body().take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use futures_util::task::{AtomicWaker, noop_waker_ref};
    use portcullis::verdict::DenialReason;

    use super::{EndReason, Lifeline};

    const REVOKED: EndReason = EndReason::Denied(DenialReason::Revoked);

    fn lifeline() -> Lifeline {
        Lifeline::new(Arc::new(AtomicWaker::new()))
    }

    /// Polls once, as a task that counts how often it was woken.
    fn polled(poll: impl FnOnce(&mut Context<'_>) -> Poll<EndReason>) -> Poll<EndReason> {
        poll(&mut Context::from_waker(noop_waker_ref()))
    }

    #[test]
    fn the_first_reason_counts_and_both_halves_hear_of_it() {
        let lifeline = lifeline();
        assert_eq!(polled(|cx| lifeline.poll_ending(cx)), Poll::Pending);
        assert!(lifeline.end(REVOKED));
        assert!(!lifeline.end(EndReason::Draining), "it is ending already");
        assert!(lifeline.cut(EndReason::CutOff));
        assert!(!lifeline.cut(EndReason::CutOff), "it is cut already");
        let reason = Poll::Ready(REVOKED);
        assert_eq!(polled(|cx| lifeline.poll_ending(cx)), reason);
        assert_eq!(polled(|cx| lifeline.poll_upload_ended(cx)), reason);
        assert!(lifeline.is_cut());
    }

    #[test]
    fn what_is_over_is_neither_ended_nor_cut() {
        let lifeline = lifeline();
        lifeline.over();
        assert!(!lifeline.end(REVOKED));
        assert!(!lifeline.cut(REVOKED) && lifeline.is_over());
        assert!(!lifeline.is_cut());
        assert_eq!(polled(|cx| lifeline.poll_ending(cx)), Poll::Pending);

        let ending = self::lifeline();
        assert!(ending.end(REVOKED));
        ending.over();
        assert!(
            !ending.cut(REVOKED) && !ending.is_cut(),
            "it ended softly, and in time"
        );
    }

    #[tokio::test]
    async fn a_cut_wakes_the_task_that_carries_the_request() {
        let carrier = Arc::new(AtomicWaker::new());
        let lifeline = Lifeline::new(Arc::clone(&carrier));
        let cut = lifeline.clone();
        let waiting = tokio::spawn(std::future::poll_fn(move |cx| {
            carrier.register(cx.waker());
            match lifeline.is_cut() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        tokio::task::yield_now().await;
        assert!(cut.cut(REVOKED));
        waiting.await.expect("no panic");
    }

    #[tokio::test]
    async fn the_answer_and_the_upload_are_woken_though_they_are_two_tasks() {
        let lifeline = lifeline();
        let (answer, upload) = (lifeline.clone(), lifeline.clone());
        let answer = tokio::spawn(std::future::poll_fn(move |cx| answer.poll_ending(cx)));
        let upload = tokio::spawn(std::future::poll_fn(move |cx| upload.poll_upload_ended(cx)));
        tokio::task::yield_now().await;
        assert!(lifeline.end(REVOKED));
        assert_eq!(answer.await.expect("no panic"), REVOKED);
        assert_eq!(upload.await.expect("no panic"), REVOKED);
    }
}
