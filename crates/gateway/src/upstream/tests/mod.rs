mod answers;
mod ended;
mod health;
mod http2;
mod kept;
mod mixed;
mod names;
mod requests;
mod room;
mod several;
mod tls;

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::http::uri::Authority;
use ::http::{HeaderValue, Method, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::{EndpointConfig, HttpUpstream, UpstreamConfig, UpstreamError};
use crate::body::{BodySource, ProxyBody};
use crate::headers::upgrade;
use crate::wire::{Wire, listener};

/// What a server does on a connection.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

const SHORT: Duration = Duration::from_millis(400);
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn upstream(address: SocketAddr, change: impl FnOnce(&mut UpstreamConfig)) -> HttpUpstream {
    let mut config = UpstreamConfig::new(address.to_string().parse::<Authority>().unwrap());
    change(&mut config);
    HttpUpstream::new("orders", config).unwrap()
}

fn request(method: Method, body: ProxyBody) -> Request<ProxyBody> {
    let request = Request::builder().method(method).uri("/a/b?c=d");
    request.body(body).unwrap()
}

fn get() -> Request<ProxyBody> {
    request(Method::GET, ProxyBody::empty())
}

/// A request for another protocol.
fn upgrading() -> Request<ProxyBody> {
    let mut asking = get();
    let connection = HeaderValue::from_static("upgrade");
    asking.headers_mut().insert("connection", connection);
    let asked = upgrade::asked(&asking, b"chat", &["chat".parse().unwrap()]);
    asking.extensions_mut().insert(asked.unwrap().unwrap());
    asking
}

fn full(text: &'static str) -> ProxyBody {
    ProxyBody::new(
        Full::new(Bytes::from_static(text.as_bytes())),
        BodySource::Client,
    )
}

async fn text(response: Response<ProxyBody>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// A server that does the same on each connection; counts them.
async fn server<F>(serve: impl Fn(Wire) -> F + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = listener().await;
    let count = Arc::new(AtomicUsize::new(0));
    let accepted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(Wire::new(stream)));
        }
    });
    (address, count)
}

/// A server that answers every request with its own name.
async fn named(name: &'static str) -> SocketAddr {
    server(move |mut wire: Wire| async move {
        loop {
            wire.head().await;
            let length = name.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{name}");
            wire.send(&answer).await;
        }
    })
    .await
    .0
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    listener().await.1
}

/// An upstream at several places.
fn at(places: &[SocketAddr]) -> UpstreamConfig {
    let authority = |address: &SocketAddr| address.to_string().parse().unwrap();
    let endpoints = places.iter().map(authority).map(EndpointConfig::new);
    let config = UpstreamConfig::new(Authority::from_static("unused"));
    config.at(endpoints.collect())
}

/// What was counted of one upstream.
struct Counts {
    handle: PrometheusHandle,
}

impl Counts {
    /// An upstream, and what is counted of it.
    fn of(make: impl FnOnce() -> HttpUpstream) -> (HttpUpstream, Self) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let upstream = metrics::with_local_recorder(&recorder, make);
        (upstream, Self { handle })
    }

    /// The value of a metric of the upstream `orders`, with a further label.
    fn get(&self, name: &str, label: &str) -> f64 {
        let start = match label {
            "" => format!("portcullis_upstream_{name}{{upstream=\"orders\"}} "),
            label => format!("portcullis_upstream_{name}{{upstream=\"orders\",{label}}} "),
        };
        let text = self.handle.render();
        let found = text.lines().find_map(|line| line.strip_prefix(&start));
        found
            .unwrap_or_else(|| panic!("no {start} in {text}"))
            .parse()
            .unwrap()
    }
}

/// Everything that an error could write into a log.
fn everything(error: &UpstreamError) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let causes: Vec<_> = causes.map(|cause| format!("{cause} {cause:?}")).collect();
    format!("{error} {error:?} {causes:?}")
}
