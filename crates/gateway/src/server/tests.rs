use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tower::service_fn;

use super::{PeerAddr, RequestBody, Server, ServerConfig, ServerStats, ShutdownReport};
use crate::body::{BodySource, ProxyBody};
use crate::wire::{LONG, Wire, eventually, listener};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(400);

struct Running {
    address: SocketAddr,
    stats: ServerStats,
    stop: oneshot::Sender<()>,
    task: JoinHandle<ShutdownReport>,
}

/// Requests wait at `gate`, which is open unless a test takes its permits away.
struct World {
    gate: Semaphore,
    came: Notify,
    uploaded: Notify,
    /// What came of an upload is held while this has no permit.
    hold: Semaphore,
}

async fn start(change: impl FnOnce(&mut ServerConfig)) -> (Running, Arc<World>) {
    let mut config = ServerConfig::default();
    change(&mut config);
    let world = Arc::new(World {
        gate: Semaphore::new(Semaphore::MAX_PERMITS),
        came: Notify::new(),
        uploaded: Notify::new(),
        hold: Semaphore::new(0),
    });
    let (listener, address) = listener().await;
    let server = Server::new(listener, config).unwrap();
    assert_eq!(server.local_addr().unwrap(), address);
    let stats = server.stats();
    let (stop, stopped) = oneshot::channel::<()>();
    let shared = Arc::clone(&world);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let task = tokio::spawn(server.run(service, async { drop(stopped.await) }));
    let running = Running {
        address,
        stats,
        stop,
        task,
    };
    (running, world)
}

async fn answer(
    request: Request<RequestBody>,
    world: Arc<World>,
) -> Result<Response<ProxyBody>, Infallible> {
    world.came.notify_one();
    drop(world.gate.acquire().await);
    let full = |text: String| ProxyBody::new(Full::new(Bytes::from(text)), BodySource::Upstream);
    let peer = request.extensions().get::<PeerAddr>().unwrap().0;
    Ok(match request.uri().path() {
        "/endless" => Response::new(ProxyBody::of(Endless)),
        "/panic" => panic!("asked to"),
        "/slow" => {
            tokio::time::sleep(SHORT * 3).await;
            Response::new(full("slow".into()))
        }
        "/echo" => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::new(ProxyBody::new(Full::new(body), BodySource::Upstream))
        }
        "/early" => {
            tokio::spawn(take(request.into_body(), world));
            Response::new(full("taken".into()))
        }
        "/refuse" => {
            let mut response = Response::new(full("refused".into()));
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            response
        }
        _ => Response::new(full(peer.to_string())),
    })
}

/// Reads an upload of five bytes and holds on to it until there is another permit.
async fn take(mut body: RequestBody, world: Arc<World>) {
    let mut read = 0;
    while read < 5 {
        let Some(Ok(frame)) = body.frame().await else {
            return;
        };
        read += frame.into_data().map_or(0, |data| data.len());
    }
    world.uploaded.notify_one();
    drop(world.hold.acquire().await);
}

/// As many bytes as anybody takes.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = crate::body::BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(&CHUNK)))))
    }
}

#[tokio::test]
async fn request_is_answered_and_knows_its_peer() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..2 {
        wire.send(GET).await;
        assert!(wire.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        wire.until(&wire.local_addr().to_string()).await;
    }
    assert_eq!(server.stats.read().accepted, 1);
    assert_eq!(server.stats.read().open, 1);
    drop(wire);
    eventually(async || server.stats.read().open == 0).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    let post = |body: &str| {
        let length = body.len();
        format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    wire.send(&(post("first") + &post("second"))).await;
    wire.until("first").await;
    wire.until("second").await;
}

#[tokio::test]
async fn connection_that_says_nothing_is_cut() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    let begin = Instant::now();
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() >= SHORT);
    assert_eq!(server.stats.read().head_timeouts, 1);
}

#[tokio::test]
async fn head_that_comes_in_drops_is_cut() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    for with_request_before in [false, true] {
        let mut wire = Wire::connect(server.address).await;
        if with_request_before {
            wire.send(GET).await;
            wire.until(&wire.local_addr().to_string()).await;
        }
        let begin = Instant::now();
        let mut sent = 0;
        while wire.try_send(&GET[sent % 10..=sent % 10]).await.is_ok() {
            sent += 1;
            assert!(begin.elapsed() < LONG, "still open after {sent} bytes");
            tokio::time::sleep(SHORT / 10).await;
        }
        assert!(begin.elapsed() >= SHORT);
    }
    assert_eq!(server.stats.read().head_timeouts, 2);
}

#[tokio::test]
async fn kept_connection_without_a_request_is_closed() {
    let (server, _world) = start(|config| config.idle_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        wire.send(GET).await;
        wire.until(&wire.local_addr().to_string()).await;
        tokio::time::sleep(SHORT / 3).await;
    }
    let begin = Instant::now();
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() < LONG / 2);
    let counts = server.stats.read();
    assert_eq!((counts.idle_timeouts, counts.head_timeouts), (1, 0));
}

#[tokio::test]
async fn kept_connection_may_be_idle_longer_than_a_head_may_take() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..2 {
        wire.send(GET).await;
        wire.until(&wire.local_addr().to_string()).await;
        tokio::time::sleep(SHORT * 2).await;
    }
    wire.send(GET).await;
    wire.head().await;
}

#[tokio::test]
async fn answer_may_take_longer_than_head_and_idle_timeouts() {
    let (server, _world) = start(|config| {
        config.header_read_timeout = SHORT;
        config.idle_timeout = SHORT;
    })
    .await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    wire.until("slow").await;
    assert_eq!(server.stats.read().idle_timeouts, 0);
}

#[tokio::test]
async fn upload_that_was_answered_early_goes_on() {
    let (server, world) = start(|config| {
        config.header_read_timeout = SHORT;
        config.idle_timeout = SHORT * 2;
    })
    .await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
        .await;
    wire.until("taken").await;
    for _ in 0..5 {
        tokio::time::sleep(SHORT * 3 / 2).await;
        wire.send("x").await;
    }
    world.uploaded.notified().await;
    // The whole of it came, and is still held elsewhere: no wait has begun.
    tokio::time::sleep(SHORT * 3).await;
    let counts = server.stats.read();
    assert_eq!((counts.idle_timeouts, counts.head_timeouts), (0, 0));
    wire.send(GET).await;
    wire.head().await;
    wire.until(&wire.local_addr().to_string()).await;

    wire.send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nxxxxx")
        .await;
    wire.until("taken").await;
    world.uploaded.notified().await;
    let begin = Instant::now();
    world.hold.add_permits(2);
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() >= SHORT * 2);
    assert_eq!(server.stats.read().idle_timeouts, 1);
}

#[tokio::test]
async fn client_that_takes_nothing_is_cut() {
    let (server, _world) = start(|config| config.write_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    eventually(async || server.stats.read().write_timeouts == 1).await;
    eventually(async || server.stats.read().open == 0).await;
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_one_waits() {
    let (server, _world) = start(|config| config.max_connections = 1).await;
    let mut first = Wire::connect(server.address).await;
    first.send(GET).await;
    first.head().await;
    let mut second = Wire::connect(server.address).await;
    second.send(GET).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(server.stats.read().accepted, 1);
    drop(first);
    second.head().await;
    assert_eq!(server.stats.read().accepted, 2);
}

#[tokio::test]
async fn heads_are_bounded() {
    let (server, _world) = start(|config| {
        config.max_header_size = 2048;
        config.max_headers = 5;
    })
    .await;
    for head in [
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
            "y".repeat(2048)
        ),
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "y".repeat(128 * 1024)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(6)),
    ] {
        let mut wire = Wire::connect(server.address).await;
        let _ = wire.try_send(&head).await;
        let answer = wire.closed().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut wire = Wire::connect(server.address).await;
    wire.send(&format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(5)))
        .await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn refusal_of_an_upload_reaches_its_sender() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n")
        .await;
    wire.until("refused").await;
    // A client that only reads once it has sent all must not be stopped by a reset.
    for _ in 0..9 {
        wire.send(&"x".repeat(100_000)).await;
        tokio::time::sleep(SHORT / 40).await;
    }
    assert_eq!(wire.closed_in_order().await.expect("no reset"), "");
    eventually(async || server.stats.read().open == 0).await;
}

#[tokio::test]
async fn panic_in_the_service_ends_its_connection_alone() {
    let (server, _world) = start(|config| config.max_connections = 1).await;
    for _ in 0..3 {
        let mut wire = Wire::connect(server.address).await;
        wire.send("GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(wire.closed().await, "");
    }
    let mut wire = Wire::connect(server.address).await;
    wire.send(GET).await;
    wire.head().await;
}

#[tokio::test]
async fn shutdown_lets_requests_finish_and_takes_no_more() {
    let (server, world) = start(|_| {}).await;
    let mut idle = Wire::connect(server.address).await;
    idle.send(GET).await;
    idle.until(&idle.local_addr().to_string()).await;
    let mut fresh = Wire::connect(server.address).await;

    let all = world.gate.acquire_many(1 << 20).await.unwrap();
    world.gate.forget_permits(usize::MAX);
    world.came.notified().await;
    let mut busy = Wire::connect(server.address).await;
    busy.send(GET).await;
    world.came.notified().await;

    server.stop.send(()).unwrap();
    assert_eq!(idle.closed().await, "");
    assert_eq!(fresh.closed().await, "");
    eventually(async || TcpStream::connect(server.address).await.is_err()).await;
    assert!(!server.task.is_finished());

    drop(all);
    let answer = busy.closed().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with(&busy.local_addr().to_string()), "{answer}");
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
}

#[tokio::test]
async fn shutdown_cuts_what_does_not_finish_in_time() {
    let (server, world) = start(|config| config.shutdown_timeout = SHORT).await;
    world.gate.forget_permits(usize::MAX);
    let mut wires = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::connect(server.address).await;
        wire.send(GET).await;
        world.came.notified().await;
        wires.push(wire);
    }
    let begin = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 2 });
    assert!(begin.elapsed() >= SHORT);
    for mut wire in wires {
        assert_eq!(wire.closed().await, "");
    }
    assert_eq!(server.stats.read().open, 0);
}

#[tokio::test]
async fn setting_outside_of_its_range_is_refused() {
    let (listener, _) = listener().await;
    let config = ServerConfig {
        max_header_size: 100,
        ..ServerConfig::default()
    };
    let error = Server::new(listener, config).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`max_header_size` must be 1024 to 1048576 bytes"
    );
}
