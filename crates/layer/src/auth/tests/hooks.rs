use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Request, Response, StatusCode};
use portcullis_core::manager::{Issued, NewKey};
use portcullis_core::store::Fault;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::{READ, Upstream, field, send};
use crate::auth::{ApiKey, ApiKeyLayer};
use crate::credential::Credentials;
use crate::reject::Notice;
use crate::scope::RequireScopes;
use crate::testing::{BILLING, ORDERS, World, new_key, request};

fn hooked(
    world: &World,
    hook: impl Fn(&Notice, &mut Response<Bytes>) + Send + Sync + 'static,
) -> ApiKey<Upstream> {
    let layer = ApiKeyLayer::builder(world.gate.clone(), ORDERS).on_refusal(hook);
    layer.build().layer(Upstream::default())
}

/// A page in place of the problem, with a field of its own.
fn page(notice: &Notice, response: &mut Response<Bytes>) {
    let wait = notice.retry_after().map_or(0, |wait| wait.as_secs());
    let text = format!("{} {} {wait}", notice.kind(), notice.status().as_u16());
    *response.body_mut() = text.into();
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    fields.insert("x-support", HeaderValue::from_static("desk"));
}

#[tokio::test]
async fn a_hook_writes_the_body_and_fields_of_its_own() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let unread = world.issue(new_key(ORDERS)).await;
    let service = hooked(&world, page);
    let good = key.token.expose();
    let passed = send(service.clone(), request(Some(good))).await;
    assert_eq!(
        (passed.0, field(&passed, "x-support")),
        (StatusCode::OK, "")
    );
    world.store.set(Fault::Fail);
    for (token, text) in [
        (None, "missing_credential 401 0"),
        (Some("a b"), "invalid_request 400 0"),
        (Some("pck_live_nothing"), "invalid_token 401 0"),
        (Some(good), "rate_limited 429 60"),
        (Some(unread.token.expose()), "unavailable 503 1"),
    ] {
        let seen = send(service.clone(), request(token)).await;
        assert_eq!(seen.2, text);
        assert_eq!(field(&seen, "x-support"), "desk");
        assert_eq!(field(&seen, "content-type"), "text/plain");
        assert!(text.contains(seen.0.as_str()));
    }
}

#[tokio::test]
async fn what_must_be_said_is_said_after_the_hook() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let service = hooked(&world, |_notice, response| {
        *response.status_mut() = StatusCode::OK;
        *response.body_mut() = Bytes::from_static(b"welcome");
        response.headers_mut().clear();
        for name in [
            "www-authenticate",
            "retry-after",
            "ratelimit",
            "ratelimit-policy",
            "cache-control",
            "content-length",
            "transfer-encoding",
            "connection",
        ] {
            let name = HeaderName::from_static(name);
            let value = HeaderValue::from_static("forged");
            response.headers_mut().append(name, value);
        }
    });
    let missing = send(service.clone(), request(None)).await;
    assert_eq!(missing.0, StatusCode::UNAUTHORIZED);
    assert_eq!(
        field(&missing, "www-authenticate"),
        "Bearer realm=\"orders\""
    );
    send(service.clone(), request(Some(key.token.expose()))).await;
    let throttled = send(service, request(Some(key.token.expose()))).await;
    assert_eq!(throttled.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(field(&throttled, "retry-after"), "60");
    assert_eq!(field(&throttled, "ratelimit"), "\"default\";r=0;t=60");
    for seen in [missing, throttled] {
        assert_eq!(seen.2, "welcome");
        assert_eq!(field(&seen, "cache-control"), "no-store");
        assert_eq!(field(&seen, "content-length"), "7");
        assert!(
            seen.1.values().all(|value| value != "forged"),
            "{:?}",
            seen.1
        );
    }
}

#[tokio::test]
async fn a_hook_that_panics_is_as_if_there_were_none() {
    let world = World::new().await;
    let service = hooked(&world, |_notice, response| {
        *response.body_mut() = Bytes::from_static(b"half a page");
        panic!("on purpose");
    });
    let plain = ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(Upstream::default());
    let seen = send(service, request(None)).await;
    assert_eq!(seen, send(plain, request(None)).await);
    assert_eq!(seen.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn grpc_passes_the_hook_by() {
    let world = World::new().await;
    let service = hooked(&world, page);
    let mut request = request(None);
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert(CONTENT_TYPE, grpc);
    let seen = send(service, request).await;
    assert_eq!((seen.0, seen.2.as_str()), (StatusCode::OK, ""));
    assert_eq!(field(&seen, "grpc-status"), "16");
    assert_eq!(field(&seen, "content-type"), "application/grpc");
    assert_eq!(field(&seen, "x-support"), "");
}

#[tokio::test]
async fn scopes_behind_the_layer_refuse_in_its_words() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let layer = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .on_refusal(page)
        .build();
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(RequireScopes::all_of([READ]))
        .service(Upstream::default());
    let answer = service.oneshot(request(Some(key.token.expose()))).await;
    let answer = answer.expect("infallible");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(answer.headers()["x-support"], "desk");
    let challenge = "Bearer realm=\"orders\", error=\"insufficient_scope\", \
                     scope=\"orders:read\"";
    assert_eq!(answer.headers()["www-authenticate"], challenge);
}

#[tokio::test]
async fn a_layer_within_another_refuses_and_grants_in_its_own_name() {
    let world = World::new().await;
    let outer_key = world.issue(new_key(BILLING)).await;
    let owner = "globex".parse().expect("an owner");
    let name = "job".parse().expect("a name");
    let inner_key = world.issue(NewKey::new(ORDERS, owner, name)).await;
    let outer = ApiKeyLayer::builder(world.gate.clone(), BILLING)
        .credentials(Credentials::header("x-api-key"))
        .on_refusal(page)
        .build();
    let inner = || ApiKeyLayer::builder(world.gate.clone(), ORDERS);
    let token = Some(inner_key.token.expose());
    let scopes = "Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"orders:read\"";
    for (inner, token, status, challenge) in [
        (inner(), token, StatusCode::FORBIDDEN, scopes),
        (inner().optional(), token, StatusCode::FORBIDDEN, scopes),
        (
            inner().optional(),
            None,
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"orders\"",
        ),
        (
            inner(),
            None,
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"orders\"",
        ),
        (
            inner(),
            Some("pck_live_nothing"),
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"orders\", error=\"invalid_token\"",
        ),
    ] {
        let service = ServiceBuilder::new()
            .layer(outer.clone())
            .layer(inner.build())
            .layer(RequireScopes::all_of([READ]))
            .service(Upstream::default());
        let answer = service.oneshot(in_both(&outer_key, token)).await;
        let answer = answer.expect("infallible");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["www-authenticate"], challenge);
        assert!(
            !answer.headers().contains_key("x-support"),
            "the outer layer's hook"
        );
    }
    let service = ServiceBuilder::new()
        .layer(outer)
        .layer(inner().build())
        .service(Upstream::default());
    let answer = service.oneshot(in_both(&outer_key, token)).await;
    assert_eq!(answer.expect("infallible").headers()["owner"], "globex");
}

/// A request with this key for an outer layer, and a token for an inner one.
fn in_both(outer: &Issued, inner: Option<&str>) -> Request<crate::testing::Bytes> {
    let mut request = request(inner);
    let value = HeaderValue::from_str(outer.token.expose()).expect("plain");
    request.headers_mut().insert("x-api-key", value);
    request
}
