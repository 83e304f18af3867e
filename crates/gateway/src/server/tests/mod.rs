mod arriving;
mod bodies;
mod ending;
mod heads;
mod http2;
mod serving;
mod tls;
mod tunnels;
mod waiting;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tower::service_fn;

use super::{
    HeadFault, Lifeline, PeerAddr, RequestBody, Secured, Server, ServerConfig, ServerHandle,
    ServerStats, ShutdownReport,
};
use crate::body::{BodyErrorKind, BodySource, ProxyBody};
use crate::wire::listener;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(400);

struct Running {
    address: SocketAddr,
    stats: ServerStats,
    handle: ServerHandle,
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
    /// Those of the requests so far.
    lifelines: Mutex<Vec<Lifeline>>,
    /// What became of the bodies that were echoed.
    echoed: Mutex<Vec<Result<(), BodyErrorKind>>>,
}

impl World {
    fn new() -> Self {
        Self {
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            came: Notify::new(),
            uploaded: Notify::new(),
            hold: Semaphore::new(0),
            lifelines: Mutex::default(),
            echoed: Mutex::default(),
        }
    }

    fn cut_last(&self) {
        let lifeline = self.lifelines.lock().unwrap().pop().unwrap();
        lifeline.cut(super::EndReason::Draining);
    }
}

async fn start(change: impl FnOnce(&mut ServerConfig)) -> (Running, Arc<World>) {
    let mut config = ServerConfig::default();
    change(&mut config);
    let world = Arc::new(World::new());
    let (listener, address) = listener().await;
    let server = Server::new(listener, config).unwrap();
    assert_eq!(server.local_addr().unwrap(), address);
    run(server, address, world)
}

fn run(server: Server, address: SocketAddr, world: Arc<World>) -> (Running, Arc<World>) {
    let (stats, handle) = (server.stats(), server.handle());
    let (stop, stopped) = oneshot::channel::<()>();
    let shared = Arc::clone(&world);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let task = tokio::spawn(server.run(service, async { drop(stopped.await) }));
    let running = Running {
        address,
        stats,
        handle,
        stop,
        task,
    };
    (running, world)
}

async fn answer(
    request: Request<RequestBody>,
    world: Arc<World>,
) -> Result<Response<ProxyBody>, Infallible> {
    let lifeline = request.extensions().get::<Lifeline>().unwrap().clone();
    world.lifelines.lock().unwrap().push(lifeline);
    world.came.notify_one();
    drop(world.gate.acquire().await);
    let fault = request.extensions().get::<HeadFault>().copied();
    Ok(match fault {
        Some(fault) => refusal(fault),
        None => answer_sound(request, world).await,
    })
}

/// As long as the buffers of no socket for CONNECT, so that its end must wait for its reader.
fn refusal(fault: HeadFault) -> Response<ProxyBody> {
    let mut response = Response::new(match fault {
        HeadFault::Connect => full("c".repeat(LARGE)),
        _ => full(fault.as_str().to_owned()),
    });
    *response.status_mut() = fault.status();
    response
}

const LARGE: usize = 16 * 1024 * 1024;

fn full(text: String) -> ProxyBody {
    ProxyBody::new(Full::new(Bytes::from(text)), BodySource::Upstream)
}

async fn answer_sound(request: Request<RequestBody>, world: Arc<World>) -> Response<ProxyBody> {
    let peer = request.extensions().get::<PeerAddr>().unwrap().0;
    match request.uri().path() {
        "/endless" => Response::new(ProxyBody::of(Endless)),
        "/broken" => Response::new(ProxyBody::of(Broken::default())),
        "/trailers" => Response::new(trailed()),
        // More than the smallest buffers of sockets hold, and less than that of TLS.
        "/middle" => Response::new(full("m".repeat(40 * 1024))),
        "/secured" => {
            let secured = request.extensions().get::<Secured>();
            let version = secured.map_or("none", |secured| secured.version);
            Response::new(full(format!("{version} {:?}", request.version())))
        }
        "/large" => Response::new(full("l".repeat(LARGE))),
        "/panic" => panic!("asked to"),
        "/slow" => {
            tokio::time::sleep(SHORT * 3).await;
            Response::new(full("slow".into()))
        }
        "/echo" => echo(request, &world).await,
        // As an upstream's connection reads: on a task of its own, which outlives the stream's.
        "/aside" => tokio::spawn(async move { echo(request, &world).await })
            .await
            .unwrap(),
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
    }
}

/// A body with trailers.
fn trailed() -> ProxyBody {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from_static(b"body"));
    let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
    ProxyBody::new(body, BodySource::Upstream)
}

async fn echo(request: Request<RequestBody>, world: &World) -> Response<ProxyBody> {
    let echoed = request.into_body().collect().await;
    let outcome = echoed.as_ref().map(|_| ()).map_err(|error| error.kind());
    world.echoed.lock().unwrap().push(outcome);
    match echoed {
        Ok(body) => Response::new(ProxyBody::new(
            Full::new(body.to_bytes()),
            BodySource::Upstream,
        )),
        Err(_) => {
            let mut response = Response::new(full("malformed".into()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    }
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

/// Breaks off behind its first piece.
#[derive(Default)]
struct Broken {
    begun: bool,
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = crate::body::BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(if self.begun {
            let cause = "asked to".into();
            Err(crate::body::BodyError::broken(BodySource::Upstream, cause))
        } else {
            self.begun = true;
            cx.waker().wake_by_ref();
            Ok(http_body::Frame::data(Bytes::from_static(b"begun")))
        }))
    }
}
