use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tokio_util::io::poll_read_buf;

use super::connection::Connections;
use super::phase::Phase;
use super::transport::Transport;
use super::{EndReason, Lifeline};
use crate::body::{BodyError, BodyErrorKind};
use crate::deadline::Deadline;
use crate::tunnel::{OpenTunnel, TunnelEnd, UpstreamSide};

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// The most that is read at once of what a client says.
const PIECE: usize = 16 * 1024;
/// How long a tunnel has to end in its protocol's own way.
const GRACE: Duration = Duration::from_millis(250);
/// How long, and how many octets, a client has to see that the tunnel is closed.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// What a connection is to carry once its last answer is out.
#[derive(Debug)]
pub(super) struct Agreed {
    answer: UnsyncBoxBody<Bytes, BoxError>,
    side: UpstreamSide,
    lifeline: Lifeline,
}

/// A connection that carries another protocol.
pub(super) struct Tunnel<T> {
    client: T,
    /// What the upstream says.
    answer: UnsyncBoxBody<Bytes, BoxError>,
    side: UpstreamSide,
    lifeline: Lifeline,
    /// What goes to the client.
    down: Bytes,
    /// What goes to the upstream.
    up: BytesMut,
    down_unflushed: bool,
    up_unflushed: bool,
    is_client_told: bool,
    is_client_over: bool,
    is_upstream_told: bool,
    moved: bool,
    quiet: Deadline,
}

impl Agreed {
    pub(super) fn new<B>(answer: B, side: UpstreamSide, lifeline: Lifeline) -> Self
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let answer = answer
            .map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            .map_err(Into::into);
        Self {
            answer: answer.boxed_unsync(),
            side,
            lifeline,
        }
    }
}

impl Connections {
    /// Moves what a tunnel carries until it ends, and ends it with its key or with the server.
    pub(super) async fn carry_tunnel<T: Transport>(&self, mut tunnel: Tunnel<T>, phase: &Phase) {
        let open = OpenTunnel::begin();
        let end = self.tunnel_end(&mut tunnel, phase).await;
        if end == TunnelEnd::Cut && phase.is_cut() {
            self.stats.request_cut();
        }
        let link = Arc::clone(&tunnel.side.link);
        tunnel.finish(end, self).await;
        open.end(match end {
            // It ends as if it were so, for the client's sake.
            TunnelEnd::Closed if link.has_upstream_broken() => TunnelEnd::UpstreamBroke,
            end => end,
        });
    }

    async fn tunnel_end<T: Transport>(&self, tunnel: &mut Tunnel<T>, phase: &Phase) -> TunnelEnd {
        let lifeline = tunnel.lifeline.clone();
        let mut carried = pin!(poll_fn(|cx| {
            if let Poll::Ready(end) = tunnel.poll(cx) {
                return Poll::Ready(end);
            }
            phase.poll_cut(cx).map(|()| TunnelEnd::Cut)
        }));
        tokio::select! {
            biased;
            () = self.cut.cancelled() => {}
            end = &mut carried => return end,
        }
        self.busy_cut.fetch_add(1, Ordering::Relaxed);
        lifeline.end(EndReason::Draining);
        timeout(GRACE, carried).await.unwrap_or(TunnelEnd::Cut)
    }
}

impl<T: Transport> Tunnel<T> {
    /// What `held` came behind the request goes to the upstream first.
    pub(super) fn new(client: T, held: BytesMut, agreed: Agreed) -> Self {
        Self {
            client,
            answer: agreed.answer,
            side: agreed.side,
            lifeline: agreed.lifeline,
            down: Bytes::new(),
            up: held,
            down_unflushed: false,
            up_unflushed: false,
            is_client_told: false,
            is_client_over: false,
            is_upstream_told: false,
            moved: true,
            quiet: Deadline::default(),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TunnelEnd> {
        if self.poll_up(cx).is_err() {
            return Poll::Ready(TunnelEnd::ClientGone);
        }
        if let Poll::Ready(end) = self.poll_down(cx) {
            return Poll::Ready(end);
        }
        if std::mem::take(&mut self.moved) {
            self.quiet.set(Instant::now() + self.side.idle);
        }
        ready!(self.quiet.poll_passed(cx));
        self.side.link.is_too_quiet();
        // All that hangs on the answer hears of it.
        let _ = Pin::new(&mut self.answer).poll_frame(cx);
        Poll::Ready(TunnelEnd::Idle)
    }

    /// From the client to the upstream. An error is the client's.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.is_upstream_told && !self.is_to_end(cx) {
            if !self.up.is_empty() {
                match Pin::new(&mut self.side.writer).poll_write(cx, &self.up) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(octets @ 1..)) => {
                        self.up.advance(octets);
                        self.up_unflushed = true;
                        self.moved = true;
                        if let Some(notes) = &self.side.notes {
                            notes.received(octets as u64);
                        }
                    }
                    // It may still have something to say.
                    Poll::Ready(_) => self.end_client(),
                }
            } else if self.is_client_over {
                match Pin::new(&mut self.side.writer).poll_shutdown(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(_) => self.end_client(),
                }
            } else {
                self.up.reserve(PIECE);
                match poll_read_buf(Pin::new(&mut self.client), cx, &mut self.up) {
                    Poll::Ready(Ok(0)) => self.is_client_over = true,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Err(error),
                    Poll::Pending => {
                        if self.up_unflushed
                            && Pin::new(&mut self.side.writer).poll_flush(cx).is_ready()
                        {
                            self.up_unflushed = false;
                        }
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What is to end, or has said its last, hears nothing more of its client. The end of its answer
    /// is the end of its lifeline, which then says nothing of why.
    fn is_to_end(&self, cx: &mut Context<'_>) -> bool {
        self.lifeline.poll_ending(cx).is_ready() || self.lifeline.was_asked_to_end()
    }

    fn end_client(&mut self) {
        self.is_upstream_told = true;
        self.up = BytesMut::new();
        self.side.link.end_client();
    }

    /// From the upstream to the client.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<TunnelEnd> {
        loop {
            if !self.down.is_empty() {
                match ready!(Pin::new(&mut self.client).poll_write(cx, &self.down)) {
                    Ok(octets @ 1..) => {
                        self.down.advance(octets);
                        self.down_unflushed = true;
                        self.moved = true;
                    }
                    _ => return Poll::Ready(TunnelEnd::ClientGone),
                }
                continue;
            }
            let is_over = match Pin::new(&mut self.answer).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.down = frame.into_data().unwrap_or_default();
                    continue;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(end_of(&*error)),
                Poll::Ready(None) => true,
                Poll::Pending => false,
            };
            if is_over && self.lifeline.was_asked_to_end() {
                // What is not flushed has the time of the farewell, and no more.
                return Poll::Ready(TunnelEnd::Closed);
            }
            if self.down_unflushed {
                match ready!(Pin::new(&mut self.client).poll_flush(cx)) {
                    Ok(()) => self.down_unflushed = false,
                    Err(_) => return Poll::Ready(TunnelEnd::ClientGone),
                }
            }
            if is_over {
                return Poll::Ready(TunnelEnd::Closed);
            }
            if self.side.link.is_upstream_over() && !self.is_client_told {
                match ready!(Pin::new(&mut self.client).poll_shutdown(cx)) {
                    Ok(()) => self.is_client_told = true,
                    Err(_) => return Poll::Ready(TunnelEnd::ClientGone),
                }
            }
            return Poll::Pending;
        }
    }

    /// Lets the connection go as its end demands.
    async fn finish(self, end: TunnelEnd, connections: &Connections) {
        let Self {
            mut client,
            answer,
            side,
            down,
            ..
        } = self;
        // The upstream hears of it now.
        drop((answer, side));
        match end {
            TunnelEnd::Closed => {
                // Also where the whole server ends: else it may be the end that is lost.
                let time = match connections.cut.is_cancelled() {
                    true => GRACE,
                    false => LINGER,
                };
                let _ = timeout(time, linger(&mut client)).await;
            }
            TunnelEnd::Idle if down.is_empty() => client.say_goodbye(),
            TunnelEnd::ClientGone => {}
            _ => client.reset_when_dropped(),
        }
    }
}

/// Tells the client that nothing more comes, and waits until it has seen that: what it still sends
/// would make the kernel throw away what it has not read yet.
async fn linger<T: Transport>(client: &mut T) -> io::Result<()> {
    client.shutdown().await?;
    let (mut scratch, mut discarded) = ([0; 4096], 0);
    while discarded < LINGER_BYTES {
        match client.read(&mut scratch).await? {
            0 => break,
            octets => discarded += octets,
        }
    }
    Ok(())
}

fn end_of(error: &(dyn Error + Send + Sync + 'static)) -> TunnelEnd {
    match error.downcast_ref().map(BodyError::kind) {
        Some(BodyErrorKind::Ended) => TunnelEnd::Ended,
        Some(BodyErrorKind::Stalled) => TunnelEnd::Idle,
        _ => TunnelEnd::UpstreamBroke,
    }
}
