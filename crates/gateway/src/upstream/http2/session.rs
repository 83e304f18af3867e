use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{PingPong, StreamId};
use metrics::Gauge;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ends::{End, Ends, Followed};
use super::places::Places;
use super::pulse::Pulse;
use crate::tls::{Stream, TlsFault};
use crate::upstream::UpstreamConfig;
use crate::upstream::socket::{Heard, Socket};

/// The most streams on one connection.
pub(super) const MOST_STREAMS: usize = 100;
/// How much of an answer may come before somebody reads it. The connection takes so much of each of
/// its streams: a reader that stands still holds up nobody else's answer.
const WINDOW: u32 = 64 * 1024;
/// How many small pieces may wait on a connection for readers that stand still: each counts as what
/// it lacks to 256 octets. All of its streams may have as many as fit into their windows where
/// each has 32 octets, as events and messages do.
const SMALL_PIECES: usize = 64 * 1024 * 1024;
/// Streams that were reset of late, whose frames may still be on their way.
const RESET_OF_LATE: usize = 4_096;
/// What of an upload waits to be written.
const SEND_BUFFER: usize = 64 * 1024;
/// How long a connection without streams may take to close in order.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection that many exchanges share.
#[derive(Debug)]
pub(in crate::upstream) struct Session {
    pub(super) requests: SendRequest<Bytes>,
    heard: Arc<Heard>,
    ends: Arc<Ends>,
    places: Arc<Places>,
    pulse: Arc<Pulse>,
    is_doubted: AtomicBool,
    /// Lets the connection close once nobody has it any more.
    _open: DropGuard,
}

impl Session {
    /// Opens a session, and waits until the upstream has said how many streams it takes. What
    /// speaks no HTTP/2 does not come so far. It is counted by the gauge while it has no streams.
    pub(in crate::upstream) async fn open(
        stream: Stream,
        config: &UpstreamConfig,
        idle: Gauge,
    ) -> Result<Self, (h2::Error, Option<TlsFault>)> {
        let heard = Arc::new(Heard::default());
        let ends = Arc::new(Ends::default());
        let socket = Socket::new(stream, Arc::clone(&heard));
        let socket = Followed::new(socket, Arc::clone(&ends));
        let opened = greet(socket, config).await;
        let (requests, mut connection) = opened.map_err(|error| (error, heard.distrust()))?;
        let places = Arc::new(Places::new(idle));
        let pulse = Arc::new(Pulse::new(Arc::clone(&heard), config.connect_timeout));
        let open = CancellationToken::new();
        let pings = connection.ping_pong();
        let driving = drive(connection, open.clone(), Arc::clone(&ends));
        let asking = ask(
            pings,
            Arc::clone(&pulse),
            Arc::clone(&places),
            Arc::clone(&ends),
        );
        let closing = Arc::clone(&places);
        tokio::spawn(async move {
            tokio::select! {
                () = driving => {}
                () = asking => tracing::debug!("an upstream does not answer pings"),
            }
            closing.close();
        });
        Ok(Self {
            requests,
            heard,
            ends,
            places,
            pulse,
            is_doubted: AtomicBool::new(false),
            _open: open.drop_guard(),
        })
    }

    /// Whether somebody is there.
    pub(super) const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Whether the end of a stream came, from now on.
    pub(super) fn end_of(&self, stream: StreamId) -> End {
        self.ends.of(stream)
    }

    /// Why the upstream does not trust us, if that is what it said.
    pub(super) fn distrust(&self) -> Option<TlsFault> {
        self.heard.distrust()
    }

    /// Whether it takes no streams any more: it is closed, or the upstream lets it end.
    pub(super) fn is_closed(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let ready = self.requests.clone().poll_ready(&mut cx);
        let is_doubted = self.is_doubted.load(Ordering::Relaxed) || self.pulse.is_gone();
        is_doubted || matches!(ready, Poll::Ready(Err(_)))
    }

    /// Has it used for nothing new: it may be that nobody is at its other end.
    pub(super) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
    }

    /// How many streams it may have at once.
    pub(super) fn most(&self) -> usize {
        self.requests.current_max_send_streams().min(MOST_STREAMS)
    }

    /// Takes a place for a stream, if there is one.
    pub(super) fn enter(&self) -> bool {
        self.places.enter(self.most())
    }

    /// Gives a place back, and says whether there are no streams left.
    pub(super) fn leave(&self) -> bool {
        self.places.leave()
    }

    /// Whether it has had no streams for so long.
    pub(super) fn is_idle(&self, now: Instant, timeout: Duration) -> bool {
        self.places.are_idle(now, timeout)
    }
}

/// What a connection moves its octets on.
type Transport = Followed<Socket<Stream>>;
type Greeted = (SendRequest<Bytes>, Connection<Transport, Bytes>);

async fn greet(socket: Transport, config: &UpstreamConfig) -> Result<Greeted, h2::Error> {
    let header_bytes = u32::try_from(config.max_header_size).unwrap_or(u32::MAX);
    let streams = u32::try_from(MOST_STREAMS).unwrap_or(u32::MAX);
    let (requests, mut connection) = Builder::new()
        .enable_push(false)
        .initial_max_send_streams(0)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW.saturating_mul(streams))
        .max_header_list_size(header_bytes)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(SMALL_PIECES)
        .max_concurrent_reset_streams(RESET_OF_LATE)
        // Clients that go away are behind most resets: no number of them, which is counted over
        // the connection's life, says anything of the upstream.
        .max_local_error_reset_streams(None)
        .handshake(socket)
        .await?;
    poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(ended.and_then(|()| Err(no_session()))),
        Poll::Pending if requests.current_max_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    })
    .await?;
    Ok((requests, connection))
}

fn no_session() -> h2::Error {
    h2::Reason::PROTOCOL_ERROR.into()
}

/// Moves what is sent and what comes. The connection closes by itself once it has no streams and
/// nobody could open one; where it cannot, it is not waited for.
async fn drive(connection: Connection<Transport, Bytes>, open: CancellationToken, ends: Arc<Ends>) {
    let forgotten = async {
        open.cancelled().await;
        sleep(FAREWELL).await;
        ends.forget();
    };
    tokio::select! {
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to an upstream ended early");
            }
        }
        () = forgotten => {}
    }
}

/// Ends when the upstream does not answer, and the connection with it.
async fn ask(pings: Option<PingPong>, pulse: Arc<Pulse>, places: Arc<Places>, ends: Arc<Ends>) {
    match pings {
        Some(pings) => pulse.follow(pings, || places.are_used()).await,
        None => std::future::pending().await,
    }
    ends.forget();
}
