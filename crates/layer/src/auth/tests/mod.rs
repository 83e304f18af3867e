//! A guarded service as its clients see it, by topic.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use portcullis_core::Grant;
use portcullis_core::scope::Permission;
use tower::{Layer, Service, ServiceExt};

use super::{ApiKey, ApiKeyLayer};
use crate::body::Body;
use crate::testing::{Bytes, ORDERS, World};

mod hooks;
mod observed;
mod optional;
mod outcomes;
mod passing;
mod places;
mod rates;
mod refusals;

const READ: Permission = Permission::from_static("orders:read");

/// Answers with what it sees of the request, and counts its requests.
#[derive(Debug, Clone, Default)]
struct Upstream {
    calls: Arc<AtomicUsize>,
}

impl Upstream {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Service<Request<Bytes>> for Upstream {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Full::from("through"));
        *response.headers_mut() = request
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    format!("seen-{name}").parse().expect("a name"),
                    value.clone(),
                )
            })
            .collect();
        let uri = HeaderValue::try_from(request.uri().to_string()).expect("plain");
        response.headers_mut().insert("seen-uri", uri);
        if let Some(grant) = request.extensions().get::<Grant>() {
            let owner = HeaderValue::from_str(grant.owner().as_str()).expect("plain");
            response.headers_mut().insert("owner", owner);
        }
        std::future::ready(Ok(response))
    }
}

/// What a client sees: status, fields, body.
type Seen = (StatusCode, HeaderMap, String);

async fn send<S>(service: S, request: Request<Bytes>) -> Seen
where
    S: Service<Request<Bytes>, Response = Response<Body<Bytes>>, Error = Infallible>,
{
    let response = service.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("infallible").to_bytes();
    let length = parts
        .headers
        .get("content-length")
        .map(|length| length.to_str().expect("digits"));
    if let Some(length) = length {
        assert_eq!(length, body.len().to_string());
    }
    (
        parts.status,
        parts.headers,
        String::from_utf8(body.to_vec()).expect("text"),
    )
}

fn field<'a>(seen: &'a Seen, name: &str) -> &'a str {
    seen.1
        .get(name)
        .map_or("", |value| value.to_str().expect("visible"))
}

fn open(world: &World) -> (ApiKey<Upstream>, Upstream) {
    let upstream = Upstream::default();
    (
        ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(upstream.clone()),
        upstream,
    )
}
