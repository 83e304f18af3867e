use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tls::{Stream, TlsFault};
use crate::upstream::UpstreamConfig;
use crate::upstream::socket::{Heard, Socket};

/// The most streams on one connection.
const MOST_STREAMS: usize = 100;
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
/// How often an upstream with streams is asked whether it is there. Servers of gRPC end connections
/// on which they are asked more often than each five minutes.
const ASK_EVERY: Duration = Duration::from_secs(310);
/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection without streams may take to close in order.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection that many exchanges share.
#[derive(Debug)]
pub(in crate::upstream) struct Session {
    pub(super) requests: SendRequest<Bytes>,
    heard: Arc<Heard>,
    under_way: Arc<AtomicUsize>,
    /// Since when it has had no streams, where it has none.
    idle_since: Mutex<Instant>,
    is_doubted: AtomicBool,
    /// Lets the connection close once nobody has it any more.
    _open: DropGuard,
}

impl Session {
    /// Opens a session, and waits until the upstream has said how many streams it takes. What
    /// speaks no HTTP/2 does not come so far.
    pub(in crate::upstream) async fn open(
        stream: Stream,
        config: &UpstreamConfig,
    ) -> Result<Self, (h2::Error, Option<TlsFault>)> {
        let heard = Arc::new(Heard::default());
        let socket = Socket::new(stream, Arc::clone(&heard));
        let opened = greet(socket, config).await;
        let (requests, mut connection) = opened.map_err(|error| (error, heard.distrust()))?;
        let under_way = Arc::default();
        let open = CancellationToken::new();
        let pings = connection.ping_pong();
        let driving = drive(connection, open.clone());
        let asking = ask(pings, Arc::clone(&under_way));
        tokio::spawn(async move {
            tokio::select! {
                () = driving => {}
                () = asking => tracing::debug!("an upstream does not answer pings"),
            }
        });
        Ok(Self {
            requests,
            heard,
            under_way,
            idle_since: Mutex::new(Instant::now()),
            is_doubted: AtomicBool::new(false),
            _open: open.drop_guard(),
        })
    }

    /// Why the upstream does not trust us, if that is what it said.
    pub(super) fn distrust(&self) -> Option<TlsFault> {
        self.heard.distrust()
    }

    /// Whether it takes no streams any more: it is closed, or the upstream lets it end.
    pub(super) fn is_closed(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let ready = self.requests.clone().poll_ready(&mut cx);
        self.is_doubted.load(Ordering::Relaxed) || matches!(ready, Poll::Ready(Err(_)))
    }

    /// Has it used for nothing new: it may be that nobody is at its other end.
    pub(super) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
    }

    /// Takes a place for a stream, if there is one. Places are taken by one at a time.
    pub(super) fn enter(&self) -> bool {
        let most = self.requests.current_max_send_streams().min(MOST_STREAMS);
        let has_place = self.under_way.load(Ordering::Acquire) < most;
        if has_place {
            self.under_way.fetch_add(1, Ordering::AcqRel);
        }
        has_place
    }

    /// Gives a place back, and says whether there are no streams left.
    pub(super) fn leave(&self) -> bool {
        let mut idle_since = self
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *idle_since = Instant::now();
        self.under_way.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether it has had no streams for so long.
    pub(super) fn is_idle(&self, now: Instant, timeout: Duration) -> bool {
        let since = *self
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.under_way.load(Ordering::Acquire) == 0
            && now.saturating_duration_since(since) >= timeout
    }
}

type Greeted = (SendRequest<Bytes>, Connection<Socket<Stream>, Bytes>);

async fn greet(socket: Socket<Stream>, config: &UpstreamConfig) -> Result<Greeted, h2::Error> {
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
async fn drive(connection: Connection<Socket<Stream>, Bytes>, open: CancellationToken) {
    let forgotten = async {
        open.cancelled().await;
        sleep(FAREWELL).await;
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

/// Ends when the upstream does not answer.
async fn ask(pings: Option<PingPong>, under_way: Arc<AtomicUsize>) {
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    loop {
        sleep(ASK_EVERY).await;
        let is_used = under_way.load(Ordering::Acquire) > 0;
        if is_used
            && !matches!(
                timeout(PATIENCE, pings.ping(Ping::opaque())).await,
                Ok(Ok(_))
            )
        {
            return;
        }
    }
}
