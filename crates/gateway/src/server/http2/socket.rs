use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use super::Http2Config;
use crate::deadline::Deadline;
use crate::server::frames::{Calm, Meter, goaway};
use crate::server::phase::Phase;
use crate::server::stats::TimedOut;
use crate::server::transport::Transport;
use crate::server::{ServerConfig, ServerStats};

/// How long, and how many octets, a connection takes at its end of what a client is still sending:
/// where a socket is closed on what was not read, the client may lose the last that was said.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1024 * 1024;

/// A socket that counts the frames that pass it, and fails when its client sends too many of those
/// that cost nothing, or takes too long over the head of a request or over its answers.
#[derive(Debug)]
pub(super) struct FrameSocket<T> {
    inner: T,
    meter: Meter,
    phase: Phase,
    stats: ServerStats,
    header_read_timeout: Duration,
    write_timeout: Duration,
    head: Deadline,
    write: Deadline,
    /// What the socket below TLS had taken when the time for it began.
    taken: Option<u64>,
}

impl<T> FrameSocket<T> {
    pub(super) fn new(
        inner: T,
        phase: Phase,
        stats: ServerStats,
        config: &ServerConfig,
        http2: &Http2Config,
    ) -> Self {
        Self {
            inner,
            meter: Meter::new(http2),
            phase,
            stats,
            header_read_timeout: config.header_read_timeout,
            write_timeout: config.write_timeout,
            head: Deadline::default(),
            write: Deadline::default(),
            taken: None,
        }
    }

    /// Why the client has to go, if it has.
    pub(super) const fn calm(&self) -> Option<Calm> {
        self.meter.calm()
    }

    fn check(&self) -> io::Result<()> {
        match self.meter.calm() {
            Some(calm) => Err(io::Error::other(calm)),
            None => Ok(()),
        }
    }

    /// Counts what was written.
    fn went(&mut self, octets: &[u8], now: Instant) {
        let before = self.meter.data_frames();
        self.meter.went(octets, now);
        if self.meter.data_frames() != before {
            self.phase.data_went();
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.meter.awaits_rest_of_head() {
            self.head.clear();
            return Poll::Pending;
        }
        if !self.head.is_set() {
            self.head.set(Instant::now() + self.header_read_timeout);
        }
        self.head.poll_passed(cx)
    }
}

impl<T: Transport> FrameSocket<T> {
    /// Something waits to be sent. In TLS it may have been written long ago: what counts is that
    /// the socket takes some of it now and then.
    fn poll_write_deadline<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let taken = self.inner.taken();
        if !self.write.is_set() || taken != self.taken {
            self.taken = taken;
            self.write.set(Instant::now() + self.write_timeout);
        }
        ready!(self.write.poll_passed(cx));
        self.stats.timed_out(TimedOut::Write);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Something was written: to the client, unless it waits below.
    fn bytes_went(&mut self) {
        let taken = self.inner.taken();
        if taken.is_none() || taken != self.taken {
            self.taken = taken;
            self.write.clear();
        }
    }
}

impl<T: Transport> FrameSocket<T> {
    /// Says the last that there is to say, and waits until the client has seen the end.
    pub(super) async fn finish(mut self) {
        let last = goaway(self.meter.last_stream());
        let says = self.meter.calm().is_some() && self.meter.is_at_border();
        let finishing = async {
            if says {
                self.inner.write_all(&last).await?;
            }
            self.inner.shutdown().await?;
            tokio::io::copy(
                &mut (&mut self.inner).take(LINGER_BYTES),
                &mut tokio::io::sink(),
            )
            .await
        };
        // Who is gone needs to be told nothing.
        let _ = timeout(LINGER, finishing).await;
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FrameSocket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check()?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.inner).poll_read(cx, buffer)?;
        if polled.is_ready() {
            let fresh = buffer.filled().get(before..).unwrap_or_default();
            this.meter.came(fresh, Instant::now());
            this.check()?;
        }
        if this.poll_head(cx).is_ready() {
            this.stats.timed_out(TimedOut::Head);
            this.meter.calm_down(Calm::HeaderBlock);
            this.check()?;
        }
        polled.map(Ok)
    }
}

impl<T: Transport> AsyncWrite for FrameSocket<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.check()?;
        match Pin::new(&mut this.inner).poll_write(cx, bytes)? {
            Poll::Pending => this.poll_write_deadline(cx),
            Poll::Ready(octets) => {
                this.bytes_went();
                this.went(bytes.get(..octets).unwrap_or_default(), Instant::now());
                Poll::Ready(Ok(octets))
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.check()?;
        match Pin::new(&mut this.inner).poll_write_vectored(cx, slices)? {
            Poll::Pending => this.poll_write_deadline(cx),
            Poll::Ready(octets) => {
                this.bytes_went();
                let (now, mut left) = (Instant::now(), octets);
                for slice in slices {
                    let written = left.min(slice.len());
                    this.went(slice.get(..written).unwrap_or_default(), now);
                    left -= written;
                }
                Poll::Ready(Ok(octets))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        if polled.is_pending() {
            return self.poll_write_deadline(cx);
        }
        if self.inner.taken().is_some() {
            self.bytes_went();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
        match polled.is_pending() {
            true => self.poll_write_deadline(cx),
            false => polled,
        }
    }
}
