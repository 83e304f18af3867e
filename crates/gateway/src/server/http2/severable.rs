use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::Stream;
use crate::deadline::Deadline;
use crate::server::ServerStats;
use crate::server::stats::TimedOut;

pin_project! {
    /// One stream's future, until it ends, is cut, or its client takes nothing of the answer for
    /// too long. Where it is dropped early, and nobody holds the request's body, the stream is
    /// reset and no other.
    pub(super) struct Severable<F> {
        #[pin]
        inner: Option<F>,
        stream: Stream,
        write_timeout: Duration,
        // Until when the client has to allow for the piece of this number.
        deadline: Deadline,
        piece: u64,
        stats: ServerStats,
    }
}

impl<F> Severable<F> {
    pub(super) fn new(
        inner: F,
        stream: Stream,
        write_timeout: Duration,
        stats: ServerStats,
    ) -> Self {
        Self {
            inner: Some(inner),
            stream,
            write_timeout,
            deadline: Deadline::default(),
            piece: 0,
            stats,
        }
    }
}

impl<F: Future<Output = ()>> Future for Severable<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        this.stream.carrier.register(cx.waker());
        if this.stream.lifeline.is_cut() {
            this.inner.set(None);
            this.stats.request_cut();
            return Poll::Ready(());
        }
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        if inner.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(piece) = this.stream.waits_for() else {
            this.deadline.clear();
            return Poll::Pending;
        };
        if *this.piece != piece {
            *this.piece = piece;
            this.deadline.set(Instant::now() + *this.write_timeout);
        }
        ready!(this.deadline.poll_passed(cx));
        this.stats.timed_out(TimedOut::Write);
        this.inner.set(None);
        this.stream.lifeline.release();
        Poll::Ready(())
    }
}
