use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use portcullis_admission::Decision;
use portcullis_core::Context;
use portcullis_core::key::Environment;
use portcullis_core::manager::{Expiry, Rotation};
use portcullis_core::scope::{Permission, Requirement};
use portcullis_core::store::Fault;
use portcullis_core::token::Presented;
use tower::Layer;

use super::{READ, Seen, Upstream, field, open, send};
use crate::auth::ApiKeyLayer;
use crate::credential::Credentials;
use crate::testing::{BILLING, ORDERS, World, new_key, request, retyped};

#[tokio::test]
async fn a_request_without_a_credential_is_asked_for_one() {
    let world = World::new().await;
    let (service, upstream) = open(&world);
    for other in [None, Some("Basic dXNlcjpwYXNz")] {
        let mut request = request(None);
        if let Some(value) = other {
            request
                .headers_mut()
                .insert(AUTHORIZATION, HeaderValue::from_static(value));
        }
        let seen = send(service.clone(), request).await;
        assert_eq!(seen.0, StatusCode::UNAUTHORIZED);
        assert_eq!(field(&seen, "www-authenticate"), "Bearer realm=\"orders\"");
        assert_eq!(field(&seen, "content-type"), "application/problem+json");
        assert_eq!(field(&seen, "cache-control"), "no-store");
    }
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn several_or_malformed_credentials_are_an_invalid_request() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let bearer = HeaderValue::try_from(format!("Bearer {}", key.token.expose())).expect("plain");
    let upstream = Upstream::default();
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(Credentials::bearer().or_header("x-api-key"))
        .build()
        .layer(upstream.clone());
    let mut twice = request(None);
    twice.headers_mut().append(AUTHORIZATION, bearer.clone());
    twice.headers_mut().append(AUTHORIZATION, bearer.clone());
    let mut both = request(Some(key.token.expose()));
    both.headers_mut()
        .insert("x-api-key", key.token.expose().parse().expect("plain"));
    let mut bare = request(None);
    bare.headers_mut()
        .insert(AUTHORIZATION, HeaderValue::from_static("Bearer"));
    let mut bytes = request(None);
    let value = HeaderValue::from_bytes(b"Bearer pck_\xc3\xa9").expect("a value");
    bytes.headers_mut().insert(AUTHORIZATION, value);
    for request in [twice, both, bare, bytes] {
        let seen = send(service.clone(), request).await;
        assert_eq!(seen.0, StatusCode::BAD_REQUEST);
        let challenge = "Bearer realm=\"orders\", error=\"invalid_request\"";
        assert_eq!(field(&seen, "www-authenticate"), challenge);
        assert!(seen.2.contains("\"error\":\"invalid_request\""));
    }
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn every_bad_token_is_refused_in_the_same_bytes() {
    let world = World::new().await;
    let (manager, actor) = (&world.manager, &world.actor);
    let good = world.issue(new_key(ORDERS)).await;
    let text = good.token.expose().to_owned();
    let mut tokens = vec![
        ("malformed", "pck_live_nothing".to_owned()),
        ("malformed", "a".repeat(64 * 1024)),
        ("checksum", retyped(&text)),
        (
            "tag",
            World::new()
                .await
                .issue(new_key(ORDERS))
                .await
                .token
                .expose()
                .to_owned(),
        ),
    ];
    // The same keyring issued it, over a store that knows nothing of it.
    let other = World::over(world.memory.snapshot(), world.keyring.clone()).await;
    tokens.push((
        "unknown",
        other.issue(new_key(ORDERS)).await.token.expose().to_owned(),
    ));
    let newer = other
        .manager
        .rotate_key(good.key.id, Rotation::default(), actor)
        .await;
    tokens.push(("secret", newer.expect("rotated").token.expose().to_owned()));
    let rotated = world.issue(new_key(ORDERS)).await;
    let old = rotated.token.expose().to_owned();
    let at_once = Rotation::default().grace(Duration::ZERO);
    manager
        .rotate_key(rotated.key.id, at_once, actor)
        .await
        .expect("rotated");
    tokens.push(("rotated", old));
    let revoked = world.issue(new_key(ORDERS)).await;
    let reason = "lost".parse().expect("a reason");
    manager
        .revoke_key(revoked.key.id, reason, actor)
        .await
        .expect("revoked");
    tokens.push(("revoked", revoked.token.expose().to_owned()));
    let disabled = world.issue(new_key(ORDERS)).await;
    manager
        .disable_key(disabled.key.id, actor)
        .await
        .expect("disabled");
    tokens.push(("disabled", disabled.token.expose().to_owned()));
    let short = new_key(ORDERS).expiry(Expiry::In(Duration::from_secs(60)));
    let expired = world.issue(short).await;
    world.clock.advance(Duration::from_secs(61));
    tokens.push(("expired", expired.token.expose().to_owned()));
    tokens.push((
        "service",
        world
            .issue(new_key(BILLING))
            .await
            .token
            .expose()
            .to_owned(),
    ));
    let test = new_key(ORDERS).environment(Environment::Test);
    tokens.push((
        "environment",
        world.issue(test).await.token.expose().to_owned(),
    ));

    let upstream = Upstream::default();
    // Live keys alone: nobody asked for others.
    let service = ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(upstream.clone());
    let passes = send(service.clone(), request(Some(&text))).await;
    assert_eq!(passes.0, StatusCode::OK, "the door itself is open");
    let orders = ORDERS;
    let live = Context::new(&orders).environments(Environment::Live);
    let mut first: Option<Seen> = None;
    for (why, token) in tokens {
        let presented = Presented::new(token.as_bytes());
        let decision = world.gate.decide(presented, &live).await;
        let Decision::Refused(denial) = decision else {
            panic!("{why}: {decision:?}")
        };
        assert_eq!(denial.reason().as_str(), why);
        // Looked up, and again from the cache.
        for _ in 0..2 {
            let seen = send(service.clone(), request(Some(&token))).await;
            assert_eq!(seen.0, StatusCode::UNAUTHORIZED, "{why}");
            let challenge = "Bearer realm=\"orders\", error=\"invalid_token\"";
            assert_eq!(field(&seen, "www-authenticate"), challenge, "{why}");
            assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{why}");
        }
    }
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn a_missing_permission_is_told_and_takes_nothing() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let scopes = "orders:*".parse().expect("scopes");
    let reader = world.issue(new_key(ORDERS).scopes(scopes)).await;
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .require(Requirement::all_of([
            READ,
            Permission::from_static("orders:write"),
        ]))
        .build()
        .layer(Upstream::default());
    for _ in 0..3 {
        let seen = send(service.clone(), request(Some(key.token.expose()))).await;
        assert_eq!(seen.0, StatusCode::FORBIDDEN);
        let challenge = "Bearer realm=\"orders\", error=\"insufficient_scope\", \
                         scope=\"orders:read orders:write\"";
        assert_eq!(field(&seen, "www-authenticate"), challenge);
        assert!(seen.1.get("ratelimit").is_none());
    }
    let seen = send(service, request(Some(reader.token.expose()))).await;
    assert_eq!(seen.0, StatusCode::OK);
}

#[tokio::test]
async fn grpc_is_told_in_its_own_words() {
    let world = World::new().await;
    let (service, _) = open(&world);
    for (content_type, answered) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc"),
        (
            "application/grpc-web-text+proto",
            "application/grpc-web-text",
        ),
    ] {
        let mut request = request(Some("pck_live_nothing"));
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let seen = send(service.clone(), request).await;
        assert_eq!((seen.0, seen.2.as_str()), (StatusCode::OK, ""));
        assert_eq!(field(&seen, "grpc-status"), "16");
        assert_eq!(field(&seen, "content-type"), answered);
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_no_reason_to_refuse_or_to_let_in() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, upstream) = open(&world);
    world.store.set(Fault::Fail);
    let seen = send(service.clone(), request(Some(key.token.expose()))).await;
    assert_eq!(seen.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(field(&seen, "retry-after"), "1");
    assert_eq!(
        seen.1.get(CACHE_CONTROL),
        Some(&HeaderValue::from_static("no-store"))
    );
    assert_eq!(upstream.calls(), 0);
    world.store.set(Fault::None);
    let seen = send(service, request(Some(key.token.expose()))).await;
    assert_eq!(seen.0, StatusCode::OK);
}
