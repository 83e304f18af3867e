use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::feed::{Feed, Given, HeadLimits};
use super::phase::Phase;
use super::stats::TimedOut;
use super::transport::Transport;
use super::{ServerConfig, ServerStats};
use crate::deadline::Deadline;

/// How long, and how many bytes, a connection takes at its end of what a client is still sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A socket that gives up whole messages only, fails when its client takes too long over
/// something, and closes so that the last answer arrives.
///
/// hyper knows one time, from the end of an answer to the whole head of the next request, and none
/// for writing. Here the wait for a request, its head and the taking of answers each have their own.
#[derive(Debug)]
pub(super) struct Socket<T> {
    inner: T,
    feed: Feed,
    phase: Phase,
    stats: ServerStats,
    opened: Instant,
    header_read_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    waiting: Waiting,
    write_deadline: Deadline,
    /// What the socket below had taken when the time for it began.
    taken: Option<u64>,
    closing: Closing,
}

/// The wait for the head of a request.
#[derive(Debug, Default)]
struct Waiting {
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

/// What the wait for a head came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    /// The rest of a head did not come in time.
    Late,
    /// The connection need not be kept for another request.
    InVain,
}

impl<T> Socket<T> {
    /// Of a connection that was opened then.
    pub(super) fn new(
        inner: T,
        phase: Phase,
        stats: ServerStats,
        config: &ServerConfig,
        opened: Instant,
    ) -> Self {
        Self {
            inner,
            feed: Feed::new(HeadLimits::new(config)),
            phase,
            stats,
            opened,
            header_read_timeout: config.header_read_timeout,
            idle_timeout: config.idle_timeout,
            write_timeout: config.write_timeout,
            waiting: Waiting::default(),
            write_deadline: Deadline::default(),
            taken: None,
            closing: Closing::default(),
        }
    }

    /// What it was made of.
    pub(super) fn into_inner(self) -> T {
        self.inner
    }

    /// The same, and what came behind the last message.
    pub(super) fn into_parts(self) -> (T, BytesMut) {
        (self.inner, self.feed.into_held())
    }

    /// Whether something of an answer waits for the client to take it. The answer's body may be at
    /// its end then, and the request count as answered.
    pub(super) const fn has_unsent(&self) -> bool {
        self.write_deadline.is_set()
    }

    /// Waits for what may come next. Ready only where a head has been waited for for too long.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Waited>> {
        self.phase.wake_to_await(cx.waker());
        let begun = self.feed.has_begun_head();
        // The body of a request that is answered may still be in use.
        let awaits = self.feed.awaits_head() && (begun || self.phase.awaits_head());
        if !awaits || self.has_unsent() || self.phase.switches() {
            return Poll::Pending;
        }
        if !begun && self.phase.lets_go() {
            return Poll::Ready(Ok(Waited::InVain));
        }
        self.set_head_deadline(begun);
        ready!(self.waiting.deadline.poll_passed(cx));
        let is_kept = self.waiting.requests > 0;
        Poll::Ready(match (begun, is_kept) {
            (true, _) => {
                self.stats.timed_out(TimedOut::Head);
                Ok(Waited::Late)
            }
            (false, true) => Err(self.fail(TimedOut::Idle)),
            (false, false) => Err(self.fail(TimedOut::Head)),
        })
    }

    fn set_head_deadline(&mut self, begun: bool) {
        let requests = self.phase.requests();
        if requests != self.waiting.requests {
            self.waiting.requests = requests;
            self.waiting.begun = false;
            self.waiting.deadline.clear();
        }
        let begins = begun && !self.waiting.begun;
        self.waiting.begun = begun;
        // The time for the first head runs from the opening of the connection.
        let is_set = self.waiting.deadline.is_set();
        if is_set && !(begins && requests > 0) {
            return;
        }
        self.waiting.deadline.set(match (begun, requests) {
            (_, 0) => self.opened + self.header_read_timeout,
            (true, _) => Instant::now() + self.header_read_timeout,
            (false, _) => Instant::now() + self.idle_timeout,
        });
    }

    fn fail(&self, what: TimedOut) -> io::Error {
        self.stats.timed_out(what);
        io::ErrorKind::TimedOut.into()
    }
}

impl<T: Transport> Socket<T> {
    /// Something waits to be sent. In TLS it may have been written long ago: what counts is that
    /// the socket takes some of it now and then.
    fn poll_write_deadline<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let taken = self.inner.taken();
        if !self.write_deadline.is_set() || taken != self.taken {
            self.taken = taken;
            self.write_deadline.set(Instant::now() + self.write_timeout);
        }
        ready!(self.write_deadline.poll_passed(cx));
        self.phase.break_off();
        Poll::Ready(Err(self.fail(TimedOut::Write)))
    }

    /// The rest of an answer may go out when the request counts as answered already: the time
    /// until the next one begins when it is out.
    fn bytes_went(&mut self) {
        let taken = self.inner.taken();
        if taken.is_some() && taken == self.taken {
            // They wait below.
            return;
        }
        self.taken = taken;
        self.write_deadline.clear();
        if self.waiting.deadline.is_set() && !self.waiting.begun && self.waiting.requests > 0 {
            self.waiting
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
        // What has no end, or was refused, may still be on its way.
        let may_come = self.phase.last_has_body() || self.feed.is_substituted();
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
    /// Ready without an octet only where none will come any more: that is what hyper takes it for.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        loop {
            match this.feed.give(buffer, &this.phase) {
                Given::Octets | Given::End => return Poll::Ready(Ok(())),
                Given::Nothing => {}
            }
            let polled = match this.feed.is_hungry() {
                true => Pin::new(&mut this.inner).poll_read(cx, buffer)?,
                false => Poll::Pending,
            };
            if polled.is_pending() {
                match ready!(this.poll_wait(cx))? {
                    Waited::Late => this.feed.head_is_late(&this.phase),
                    Waited::InVain => return Poll::Ready(Ok(())),
                }
            } else if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            } else {
                this.feed.take(buffer, before, &this.phase);
                if buffer.filled().len() > before {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl<T: Transport> AsyncWrite for Socket<T> {
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
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        if polled.is_pending() {
            return self.poll_write_deadline(cx);
        }
        // In the clear nothing waits here, and what may wait above is not out.
        if self.has_unsent() && self.inner.taken().is_some() {
            self.bytes_went();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase.switches() {
            // All that hyper had to say is out. The connection goes on without it.
            return Poll::Ready(Ok(()));
        }
        if !self.closing.sent {
            let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
            if polled.is_pending() {
                return self.poll_write_deadline(cx);
            }
            ready!(polled)?;
            self.write_deadline.clear();
            self.closing.sent = true;
            self.closing.deadline.set(Instant::now() + LINGER);
        }
        self.poll_linger(cx)
    }
}
