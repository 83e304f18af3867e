use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use portcullis_benches::Failure;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The path whose requests' fields are kept.
pub(crate) const LOOKED_AT: &str = "/orders/looked-at";

/// What stands behind all the proxies: answers each request with 128 bytes.
pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Option<HeaderMap>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, seen) = (listener.local_addr()?, Arc::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Ok(Self {
            address,
            seen,
            task,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The fields of the last request to [`LOOKED_AT`], once.
    pub(crate) fn take_seen(&self) -> Option<HeaderMap> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Option<HeaderMap>>>) {
    // A connection that cannot be taken is missed by its client, which says so.
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request| {
            let response = answer(&request, &seen);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { drop(connection.await) });
    }
}

fn answer(request: &Request<Incoming>, seen: &Mutex<Option<HeaderMap>>) -> Response<Full<Bytes>> {
    if request.uri().path() == LOOKED_AT {
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.headers().clone());
    }
    let mut response = Response::new(Full::new(Bytes::from_static(&[b'x'; 128])));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
