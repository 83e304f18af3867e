use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};

use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;
use tower::Service;

use super::{FrameSocket, Http2Config, Stay, StreamExecutor, StreamService, Turn};
use crate::server::connection::Connections;
use crate::server::frames::Calm;
use crate::server::phase::Phase;
use crate::server::secure::Client;
use crate::server::transport::Transport;
use crate::server::{RequestBody, ServerConfig};

/// What a client may send of bodies before they are read: of one, and of all of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What is kept of one answer that the client has not taken.
const SEND_BUFFER: usize = 64 * 1024;
const FRAME_SIZE: u32 = 16 * 1024;
const HEADER_TABLE: u32 = 4_096;

/// Serves one connection until it ends, from its preface on.
pub(in crate::server) async fn serve<T, S, B>(
    connections: &Connections,
    config: &ServerConfig,
    http2: &Http2Config,
    stream: T,
    client: Client,
    service: S,
    opened: Instant,
) where
    T: Transport,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let stats = &connections.stats;
    stats.speaks_http2();
    let phase = Phase::default();
    let mut socket = FrameSocket::new(stream, phase.clone(), stats.clone(), config, http2);
    let executor = StreamExecutor::new(config.write_timeout, stats.clone());
    let streams = executor.clone();
    let service = StreamService::new(service, client, phase.clone(), streams, config.max_headers);
    let mut stay = Stay::new(phase.clone(), stats.clone(), config, opened);
    let (mut stop, mut let_go) = (
        pin!(connections.stop.cancelled()),
        pin!(connections.let_go.cancelled()),
    );
    let served = {
        let io = TokioIo::new(&mut socket);
        let mut http = pin!(builder(config, http2, executor.clone()).serve_connection(io, service));
        let carried = poll_fn(|cx| {
            if !phase.stops() && stop.as_mut().poll(cx).is_ready() {
                phase.stop();
            }
            if !phase.lets_go() && let_go.as_mut().poll(cx).is_ready() {
                phase.let_go();
            }
            loop {
                if let Poll::Ready(ended) = http.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if executor.is_astray() {
                    return Poll::Ready(Ok(()));
                }
                match ready!(stay.poll(cx)) {
                    Turn::Leave => http.as_mut().graceful_shutdown(),
                    Turn::End => return Poll::Ready(Ok(())),
                }
            }
        });
        tokio::select! {
            biased;
            () = connections.cut.cancelled() => None,
            ended = carried => Some(ended),
        }
    };
    match served {
        None if phase.awaits_head() => {}
        None => {
            connections.busy_cut.fetch_add(1, Ordering::Relaxed);
        }
        Some(ended) => {
            if let Err(error) = &ended {
                // Clients that go away, or send nonsense, are everyday.
                tracing::debug!(%error, "a connection of HTTP/2 ended early");
            }
            let told = ended.err().filter(is_told_to_calm).map(|_| Calm::Library);
            if let Some(why) = socket.calm().or(told) {
                tracing::debug!(why = why.as_str(), "a client was told to enhance its calm");
                stats.calmed(why);
            }
            tokio::select! {
                biased;
                () = connections.cut.cancelled() => {}
                () = socket.finish() => {}
            }
        }
    }
}

fn builder(
    config: &ServerConfig,
    http2: &Http2Config,
    executor: StreamExecutor,
) -> Builder<StreamExecutor> {
    let mut http = Builder::new(executor);
    http.timer(TokioTimer::new())
        .keep_alive_interval(http2.ping)
        .max_concurrent_streams(u32::try_from(http2.streams).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(config.max_header_size).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_send_buf_size(SEND_BUFFER)
        .header_table_size(HEADER_TABLE);
    http
}

/// Whether the client was told so by what reads the frames.
fn is_told_to_calm(error: &hyper::Error) -> bool {
    let mut chain = std::iter::successors(error.source(), |cause| (*cause).source());
    chain.any(|cause| {
        cause.downcast_ref::<h2::Error>().is_some_and(|cause| {
            cause.is_library() && cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM)
        })
    })
}
