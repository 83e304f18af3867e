use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::body::BodyError;

/// How far the sending of a request has come, seen from whoever waits for its answer.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// When the upstream last took a piece of the request, in milliseconds since the start.
    taken: AtomicU64,
    /// Whether the connection has room for more and the client has not sent it yet.
    waits_for_client: AtomicBool,
    /// Whether nothing more of the request is to come.
    over: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            taken: AtomicU64::new(0),
            waits_for_client: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Whether the connection asks for nothing more of the request: it has all of it, or does
    /// without the rest. In the latter case hyper closes the connection.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Notes that the upstream has taken something, the connection itself to begin with.
    pub(super) fn note(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.taken.store(elapsed, Ordering::Relaxed);
    }

    /// When the upstream will have been silent for so long, if nothing moves until then.
    pub(super) fn silent_at(&self, timeout: Duration) -> Instant {
        if self.waits_for_client.load(Ordering::Relaxed) {
            return Instant::now() + timeout;
        }
        self.start + Duration::from_millis(self.taken.load(Ordering::Relaxed)) + timeout
    }
}

/// A request's body that keeps its [`Progress`]. The connection drops it when it has all of it,
/// which it knows by the length before it asks for the end.
#[derive(Debug)]
pub(super) struct Watched<B> {
    inner: B,
    progress: Arc<Progress>,
}

impl<B> Watched<B> {
    pub(super) const fn new(inner: B, progress: Arc<Progress>) -> Self {
        Self { inner, progress }
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        self.progress
            .waits_for_client
            .store(polled.is_pending(), Ordering::Relaxed);
        if polled.is_ready() {
            self.progress.note();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.progress.over.store(true, Ordering::Release);
    }
}
