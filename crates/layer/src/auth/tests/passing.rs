use std::convert::Infallible;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{field, open, send};
use crate::auth::ApiKeyLayer;
use crate::testing::{Bytes, ORDERS, World, new_key, request};

#[tokio::test]
async fn a_good_key_passes_without_its_credential() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, upstream) = open(&world);
    // First looked up, then from the cache.
    for _ in 0..2 {
        let seen = send(service.clone(), request(Some(key.token.expose()))).await;
        assert_eq!((seen.0, seen.2.as_str()), (StatusCode::OK, "through"));
        assert_eq!(field(&seen, "owner"), "acme");
        assert!(seen.1.get("seen-authorization").is_none());
        assert_eq!(field(&seen, "seen-accept"), "*/*");
    }
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn the_inner_service_s_errors_pass_as_they_are() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let failing = service_fn(|_request: Request<Bytes>| async {
        Err::<Response<Bytes>, &'static str>("broken")
    });
    let service = ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(failing);
    for _ in 0..2 {
        let answer = service
            .clone()
            .oneshot(request(Some(key.token.expose())))
            .await;
        assert_eq!(answer.map(|_| ()), Err("broken"));
    }
}

/// Must be made ready before each call, and a clone of it is not.
#[derive(Debug, Default)]
struct Exacting {
    ready: bool,
    polls: usize,
}

impl Clone for Exacting {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<Bytes>> for Exacting {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls += 1;
        if self.polls < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Bytes>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without being ready"
        );
        self.polls = 0;
        std::future::ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn only_a_ready_inner_service_is_called() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let layer = ApiKeyLayer::new(world.gate.clone(), ORDERS);
    let mut service = layer.layer(Exacting::default());
    // Looked up, refused, and from the cache, in turn, on one service.
    for token in [
        key.token.expose(),
        "pck_live_nothing",
        key.token.expose(),
        key.token.expose(),
    ] {
        let ready = service.ready().await.expect("infallible");
        let answer = ready.call(request(Some(token))).await.expect("infallible");
        let refused = answer.status() == StatusCode::UNAUTHORIZED;
        assert_eq!(refused, token == "pck_live_nothing");
    }
}

#[tokio::test]
async fn a_dropped_look_up_leaves_the_service_usable() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (mut service, upstream) = open(&world);
    drop(
        service
            .ready()
            .await
            .expect("infallible")
            .call(request(Some(key.token.expose()))),
    );
    let seen = send(service, request(Some(key.token.expose()))).await;
    assert_eq!((seen.0, upstream.calls()), (StatusCode::OK, 1));
}
