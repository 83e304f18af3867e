use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::tls::TlsFault;

/// A socket that can still be read where it takes nothing more.
///
/// An upstream that refuses a request may answer and close without having read it: to write is an
/// error from then on, while its answer waits to be read. hyper would give up on both. So what an
/// upstream does not take any more counts as written, and whatever it said first is heard: an
/// answer, or the end. A reset stays one, so that an answer which only an end can end is not whole
/// because of it.
#[derive(Debug)]
pub(super) struct Socket<T> {
    inner: T,
    /// Why it takes nothing more, if that is so.
    refusal: Option<io::ErrorKind>,
    has_proven_end: bool,
    heard: Arc<Heard>,
}

/// What came from an upstream.
#[derive(Debug)]
pub(super) struct Heard {
    start: Instant,
    /// When anything came last, in microseconds since the start.
    last: AtomicU64,
    /// Whether anything did, since it was last forgotten.
    anything: AtomicBool,
    /// That it does not trust us. In TLS 1.3 it says so after the handshake, to a request or before
    /// there is one: whoever then sends one finds the connection closed, and no more.
    distrust: OnceLock<TlsFault>,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
            anything: AtomicBool::new(false),
            distrust: OnceLock::new(),
        }
    }
}

impl Heard {
    fn hear(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
        self.anything.store(true, Ordering::Release);
    }

    /// When anything came last, or else the connection itself.
    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_micros(self.last.load(Ordering::Relaxed))
    }

    pub(super) fn forget(&self) {
        self.anything.store(false, Ordering::Release);
    }

    pub(super) fn anything(&self) -> bool {
        self.anything.load(Ordering::Acquire)
    }

    pub(super) fn distrust(&self) -> Option<TlsFault> {
        self.distrust.get().copied()
    }
}

impl<T> Socket<T> {
    pub(super) const fn new(inner: T, heard: Arc<Heard>) -> Self {
        Self {
            inner,
            refusal: None,
            has_proven_end: false,
            heard,
        }
    }

    /// Its end is not read unless the other side has said so.
    pub(super) fn with_proven_end(self) -> Self {
        Self {
            has_proven_end: true,
            ..self
        }
    }

    const fn takes_nothing(&self) -> bool {
        self.refusal.is_some()
    }

    /// Whether an end that is read may be a reset, of which the write has heard already: the kernel
    /// tells of it once. Where the other side had closed before the reset, the write heard of a
    /// broken pipe instead: that is a rule of Linux (`tcp_reset`), while elsewhere any write to a
    /// connection that was reset may hear of one.
    fn may_be_reset(&self) -> bool {
        let had_closed =
            |refusal| cfg!(target_os = "linux") && refusal == io::ErrorKind::BrokenPipe;
        !self.has_proven_end && self.refusal.is_some_and(|refusal| !had_closed(refusal))
    }

    /// What was written, or would have been.
    fn written(&mut self, polled: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = &polled {
            tracing::debug!(%error, "an upstream does not take the rest of a request");
            self.refusal.get_or_insert(error.kind());
            return Poll::Ready(Ok(all));
        }
        polled
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer));
        let is_end = polled.is_ok() && buffer.filled().len() == before && buffer.remaining() > 0;
        if is_end && self.may_be_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if buffer.filled().len() > before {
            self.heard.hear();
        }
        if let Some(fault) = polled.as_ref().err().and_then(TlsFault::within) {
            let _ = self.heard.distrust.set(fault);
        }
        Poll::Ready(polled)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.takes_nothing() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(polled, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| slice.len()).sum();
        if self.takes_nothing() {
            return Poll::Ready(Ok(all));
        }
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.written(polled, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.takes_nothing() {
            return Poll::Ready(Ok(()));
        }
        // In TLS this is where what was written goes.
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(polled.map_ok(|()| 0), 0).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.takes_nothing() {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.inner).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Takes nothing, and says `ok` and then that it is at its end.
    struct Ended {
        refusal: io::ErrorKind,
        says: &'static [u8],
    }

    impl AsyncRead for Ended {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(std::mem::take(&mut self.says));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Ended {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(self.refusal.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Linux tells of a reset once, to whoever asks first; who reads after that finds an end.
    #[tokio::test]
    async fn a_reset_that_only_a_write_heard_of_is_no_end() {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        for (refusal, is_proven, is_whole) in [
            (ConnectionReset, false, false),
            (BrokenPipe, false, cfg!(target_os = "linux")),
            (ConnectionReset, true, true),
        ] {
            let inner = Ended {
                refusal,
                says: b"ok",
            };
            let mut socket = Socket::new(inner, Arc::default());
            if is_proven {
                socket = socket.with_proven_end();
            }
            socket.write_all(b"a request").await.unwrap();
            let mut said = Vec::new();
            let read = socket.read_to_end(&mut said).await;
            assert_eq!(said, b"ok");
            assert_eq!(read.is_ok(), is_whole, "{refusal:?} {read:?}");
        }
    }
}
