use std::time::Duration;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use metrics_exporter_prometheus::PrometheusBuilder;
use portcullis_core::scope::Requirement;
use portcullis_core::store::Fault;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::{READ, Upstream, field, send};
use crate::auth::{ApiKey, ApiKeyLayer};
use crate::credential::Credentials;
use crate::scope::RequireScopes;
use crate::testing::{BILLING, ORDERS, World, new_key, request, retyped};

fn ajar(world: &World) -> (ApiKey<Upstream>, Upstream) {
    let upstream = Upstream::default();
    let layer = ApiKeyLayer::builder(world.gate.clone(), ORDERS).optional();
    (layer.build().layer(upstream.clone()), upstream)
}

#[tokio::test]
async fn who_brings_no_credential_passes_without_a_grant() {
    let world = World::new().await;
    let (service, upstream) = ajar(&world);
    for other in [None, Some("Basic dXNlcjpwYXNz")] {
        let mut request = request(None);
        if let Some(value) = other {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let seen = send(service.clone(), request).await;
        assert_eq!((seen.0, field(&seen, "owner")), (StatusCode::OK, ""));
        assert_eq!(field(&seen, "seen-authorization"), other.unwrap_or(""));
    }
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn who_brings_a_good_key_has_its_grant() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, _) = ajar(&world);
    for _ in 0..2 {
        let seen = send(service.clone(), request(Some(key.token.expose()))).await;
        assert_eq!((seen.0, field(&seen, "owner")), (StatusCode::OK, "acme"));
        assert!(seen.1.get("seen-authorization").is_none());
    }
}

#[tokio::test]
async fn a_credential_that_is_not_good_is_refused_as_ever() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let foreign = world.issue(new_key(BILLING)).await;
    let unread = world.issue(new_key(ORDERS)).await;
    let (service, upstream) = ajar(&world);
    let answer = async |token: &str| send(service.clone(), request(Some(token))).await.0;
    let good = key.token.expose();

    assert_eq!(answer("pck_live_nothing").await, StatusCode::UNAUTHORIZED);
    assert_eq!(answer(&retyped(good)).await, StatusCode::UNAUTHORIZED);
    let foreign = answer(foreign.token.expose()).await;
    assert_eq!(foreign, StatusCode::UNAUTHORIZED);
    assert_eq!(answer("").await, StatusCode::BAD_REQUEST, "malformed");
    assert_eq!(answer("a b").await, StatusCode::BAD_REQUEST, "malformed");
    assert_eq!(upstream.calls(), 0);

    assert_eq!(answer(good).await, StatusCode::OK);
    assert_eq!(answer(good).await, StatusCode::TOO_MANY_REQUESTS);
    world.store.set(Fault::Fail);
    let unavailable = answer(unread.token.expose()).await;
    assert_eq!(unavailable, StatusCode::SERVICE_UNAVAILABLE);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(answer(good).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn what_is_required_is_required_of_every_key() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .require(Requirement::all_of([READ]))
        .optional()
        .build()
        .layer(Upstream::default());
    let seen = send(service.clone(), request(Some(key.token.expose()))).await;
    assert_eq!(seen.0, StatusCode::FORBIDDEN);
    assert_eq!(send(service, request(None)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn scopes_behind_it_ask_those_without_a_key_for_one() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    for (scopes, with_key) in [
        (RequireScopes::all_of([READ]), StatusCode::FORBIDDEN),
        (RequireScopes::all_of([]), StatusCode::OK),
    ] {
        let layer = ApiKeyLayer::builder(world.gate.clone(), ORDERS).optional();
        let service = ServiceBuilder::new()
            .layer(layer.build())
            .layer(scopes)
            .service(Upstream::default());
        let answer = async |token| {
            let response = service.clone().oneshot(request(token)).await;
            response.expect("infallible")
        };
        let refused = answer(None).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let challenge = &refused.headers()[WWW_AUTHENTICATE];
        assert_eq!(challenge, "Bearer realm=\"orders\"");
        assert_eq!(answer(Some(key.token.expose())).await.status(), with_key);
    }
}

#[tokio::test]
async fn a_grant_of_a_layer_around_it_is_not_its_own() {
    let world = World::new().await;
    let key = world.issue(new_key(BILLING)).await;
    let inner = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(Credentials::header("x-api-key"))
        .optional();
    let service = ServiceBuilder::new()
        .layer(ApiKeyLayer::new(world.gate.clone(), BILLING))
        .layer(inner.build())
        .service(Upstream::default());
    let answer = service.oneshot(request(Some(key.token.expose()))).await;
    let answer = answer.expect("infallible");
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().get("owner").is_none());
}

#[tokio::test]
async fn who_passes_without_a_key_is_counted_as_that() {
    let world = World::new().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let (service, _) = metrics::with_local_recorder(&recorder, || ajar(&world));
    send(service.clone(), request(None)).await;
    send(service, request(Some("pck_live_nothing"))).await;
    let text = recorder.handle().render();
    for outcome in ["anonymous", "invalid_token"] {
        let line =
            format!("portcullis_requests_total{{service=\"orders\",outcome=\"{outcome}\"}} 1\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
}
