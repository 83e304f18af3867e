use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::phase::Phase;
use super::stats::TimedOut;
use super::{ServerConfig, ServerStats};
use crate::deadline::Deadline;

/// How long, and how many bytes, a connection takes at its end of what a client is still sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A socket that fails when its client takes too long over something, and closes so that the last
/// answer arrives.
///
/// hyper knows one time, from the end of an answer to the whole head of the next request, and none
/// for writing. Here the wait for a request, its head and the taking of answers each have their own.
#[derive(Debug)]
pub(super) struct Socket<T> {
    inner: T,
    phase: Phase,
    stats: ServerStats,
    header_read_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    reading: Reading,
    write_deadline: Deadline,
    closing: Closing,
}

/// The wait for the head of a request.
#[derive(Debug, Default)]
struct Reading {
    /// How many requests there were when the wait began.
    requests: u64,
    begun: bool,
    deadline: Deadline,
}

/// The end of the sending half, and what comes after it.
#[derive(Debug, Default)]
struct Closing {
    sent: bool,
    discarded: usize,
    deadline: Deadline,
}

impl<T> Socket<T> {
    pub(super) fn new(inner: T, phase: Phase, stats: ServerStats, config: &ServerConfig) -> Self {
        Self {
            inner,
            phase,
            stats,
            header_read_timeout: config.header_read_timeout,
            idle_timeout: config.idle_timeout,
            write_timeout: config.write_timeout,
            reading: Reading::default(),
            write_deadline: Deadline::default(),
            closing: Closing::default(),
        }
    }

    /// Begins a new wait if there was a request since the last.
    fn renew_reading(&mut self) {
        let requests = self.phase.requests();
        if requests != self.reading.requests {
            self.reading.requests = requests;
            self.reading.begun = false;
            self.reading.deadline.clear();
        }
    }

    fn bytes_came(&mut self) {
        self.renew_reading();
        if self.reading.begun {
            return;
        }
        self.reading.begun = true;
        let is_first = self.reading.requests == 0;
        if !(is_first && self.reading.deadline.is_set()) {
            let at = Instant::now() + self.header_read_timeout;
            self.reading.deadline.set(at);
        }
    }

    fn poll_head_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.renew_reading();
        let awaits_first_byte = self.reading.requests > 0 && !self.reading.begun;
        if !self.reading.deadline.is_set() {
            let timeout = match awaits_first_byte {
                true => self.idle_timeout,
                false => self.header_read_timeout,
            };
            self.reading.deadline.set(Instant::now() + timeout);
        }
        ready!(self.reading.deadline.poll_passed(cx));
        Poll::Ready(self.fail(match awaits_first_byte {
            true => TimedOut::Idle,
            false => TimedOut::Head,
        }))
    }

    fn poll_write_deadline<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if !self.write_deadline.is_set() {
            self.write_deadline.set(Instant::now() + self.write_timeout);
        }
        ready!(self.write_deadline.poll_passed(cx));
        Poll::Ready(Err(self.fail(TimedOut::Write)))
    }

    fn fail(&self, what: TimedOut) -> io::Error {
        self.stats.timed_out(what);
        io::ErrorKind::TimedOut.into()
    }

    /// The rest of an answer may go out when the request counts as answered already: the time
    /// until the next one begins when it is out.
    fn bytes_went(&mut self) {
        self.write_deadline.clear();
        if self.reading.deadline.is_set() && !self.reading.begun && self.reading.requests > 0 {
            self.reading
                .deadline
                .set(Instant::now() + self.idle_timeout);
        }
    }
}

impl<T: AsyncRead + Unpin> Socket<T> {
    /// Discards what still comes, or may come, until the client has seen the end.
    ///
    /// Closing a socket on unread bytes makes the kernel send a reset, on which the client may
    /// throw away the answer that it has not read yet: one that refused a large upload, say.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [std::mem::MaybeUninit::uninit(); 4096];
        let may_come = self.phase.last_has_body();
        while self.closing.discarded < LINGER_BYTES {
            let mut buffer = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut self.inner).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.closing.discarded += buffer.filled().len();
                }
                Poll::Ready(_) => break,
                Poll::Pending if !may_come && self.closing.discarded == 0 => break,
                Poll::Pending => return self.closing.deadline.poll_passed(cx).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if polled.is_pending() && !self.phase.awaits_head() {
            self.phase.wake_to_await(cx.waker());
        }
        if !self.phase.awaits_head() {
            return polled;
        }
        if polled.is_pending() {
            return self.poll_head_deadline(cx).map(Err);
        }
        if buffer.filled().len() > before {
            self.bytes_came();
        }
        polled
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if polled.is_pending() {
            return self.poll_write_deadline(cx);
        }
        self.bytes_went();
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        if polled.is_pending() {
            return self.poll_write_deadline(cx);
        }
        self.bytes_went();
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closing.sent {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            self.closing.sent = true;
            self.closing.deadline.set(Instant::now() + LINGER);
        }
        self.poll_linger(cx)
    }
}
