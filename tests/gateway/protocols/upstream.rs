use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, ETAG, EXPECT, HeaderMap, HeaderValue, TRAILER};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::Body;

/// What a request was of, as its answer says.
pub(super) const SEEN: &str = "x-seen";

/// What a request expected, as its answer says.
pub(super) const EXPECTED: &str = "x-expected";

/// How many events there are.
pub(super) const EVENTS: usize = 5;

/// One protocol, and an answer for each path.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    /// An event for each permit.
    pub(super) events: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(super) async fn start(version: Version) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let events = Arc::new(Semaphore::new(0));
        let task = tokio::spawn(serve(listener, version, Arc::clone(&events)));
        Self {
            address,
            events,
            task,
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, version: Version, events: Arc<Semaphore>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(carry(stream, version, Arc::clone(&events)));
    }
}

async fn carry(stream: TcpStream, version: Version, events: Arc<Semaphore>) {
    let service = service_fn(move |request| {
        let response = answer(request, Arc::clone(&events));
        async move { Ok::<_, Infallible>(response) }
    });
    let io = TokioIo::new(stream);
    // How a connection ends is what the other side's test is about.
    let _ = match version {
        Version::HTTP_2 => {
            let http = http2::Builder::new(TokioExecutor::new());
            http.serve_connection(io, service).await
        }
        _ => http1::Builder::new().serve_connection(io, service).await,
    };
}

fn answer(request: Request<Incoming>, events: Arc<Semaphore>) -> Response<Body> {
    let seen = format!("{:?} {}", request.version(), request.method());
    let expected = request.headers().get(EXPECT).cloned();
    let path = request.uri().path().to_owned();
    let body = match path.as_str() {
        "/echo" => request.into_body().boxed_unsync(),
        "/sized" => full(&[b'x'; 1_000]),
        "/early" => full(b"whole"),
        "/events" => StreamBody::new(told(events)).boxed_unsync(),
        _ => Empty::new().map_err(|never| match never {}).boxed_unsync(),
    };
    let mut response = match path.as_str() {
        "/trailers" => trailed(),
        _ => Response::new(body),
    };
    *response.status_mut() = match path.as_str() {
        "/nothing" => StatusCode::NO_CONTENT,
        "/same" => StatusCode::NOT_MODIFIED,
        _ => StatusCode::OK,
    };
    let headers = response.headers_mut();
    headers.insert(SEEN, seen.parse().expect("a value"));
    if let Some(expected) = expected {
        headers.insert(EXPECTED, expected);
    }
    headers.insert(ETAG, HeaderValue::from_static("\"1\""));
    if path == "/events" {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    }
    response
}

fn trailed() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("5"));
    trailers.insert("x-portcullis-owner", HeaderValue::from_static("root"));
    // In HTTP/1.1 only what has no length has trailers.
    let frames = [Frame::data(Bytes::from("whole")), Frame::trailers(trailers)];
    let body = StreamBody::new(stream::iter(frames.map(Ok)));
    let mut response = Response::new(body.boxed_unsync());
    let announced = HeaderValue::from_static("x-sum, x-portcullis-owner");
    response.headers_mut().insert(TRAILER, announced);
    response
}

/// Nothing is told before its reader has what was told before.
fn told(events: Arc<Semaphore>) -> impl Stream<Item = Result<Frame<Bytes>, hyper::Error>> {
    stream::unfold((0, events), async |(number, events)| {
        if number == EVENTS {
            return None;
        }
        events.acquire().await.expect("open").forget();
        let event = format!("data: {number}\n\n");
        Some((Ok(Frame::data(event.into())), (number + 1, events)))
    })
}

fn full(octets: &'static [u8]) -> Body {
    let body = Full::new(Bytes::from_static(octets));
    body.map_err(|never| match never {}).boxed_unsync()
}
