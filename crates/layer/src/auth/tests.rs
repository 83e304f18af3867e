use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use portcullis_admission::Decision;
use portcullis_core::key::Environment;
use portcullis_core::manager::{Expiry, Rotation};
use portcullis_core::scope::{Permission, Requirement};
use portcullis_core::service::ServiceName;
use portcullis_core::store::Fault;
use portcullis_core::token::Presented;
use portcullis_core::{Context, Grant};
use tower::{Layer, Service, ServiceExt, service_fn};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::{ApiKey, ApiKeyLayer};
use crate::body::Body;
use crate::client::ClientAddr;
use crate::credential::Credentials;
use crate::testing::{BILLING, Bytes, ORDERS, World, new_key, request, retyped};

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

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
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
async fn a_rate_is_told_kept_and_given_back() {
    let world = World::new().await;
    let rate = "2/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let (service, upstream) = open(&world);
    let ask = || send(service.clone(), request(Some(key.token.expose())));
    for limit in ["\"default\";r=1;t=30", "\"default\";r=0;t=30"] {
        let seen = ask().await;
        assert_eq!(seen.0, StatusCode::OK);
        assert_eq!(field(&seen, "ratelimit"), limit);
        assert_eq!(field(&seen, "ratelimit-policy"), "\"default\";q=2;w=60");
    }
    world.clock.advance(Duration::from_millis(500));
    let seen = ask().await;
    assert_eq!(seen.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        field(&seen, "retry-after"),
        "30",
        "29.5 seconds, rounded up"
    );
    assert_eq!(field(&seen, "ratelimit"), "\"default\";r=0;t=30");
    assert_eq!(field(&seen, "ratelimit-policy"), "\"default\";q=2;w=60");
    assert!(seen.1.get(WWW_AUTHENTICATE).is_none());
    assert_eq!(upstream.calls(), 2);
    world.clock.advance(Duration::from_millis(29_500));
    assert_eq!(ask().await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_key_without_a_rate_tells_of_none() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, _) = open(&world);
    let seen = send(service, request(Some(key.token.expose()))).await;
    assert!(seen.1.get("ratelimit").is_none() && seen.1.get("ratelimit-policy").is_none());
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

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
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

#[tokio::test]
async fn a_header_of_ones_own_is_a_credential_and_is_stripped() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(Credentials::bearer().or_header("x-api-key"))
        .build()
        .layer(Upstream::default());
    let mut request = request(None);
    request
        .headers_mut()
        .insert("x-api-key", key.token.expose().parse().expect("plain"));
    request
        .extensions_mut()
        .insert(ClientAddr(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let seen = send(service, request).await;
    assert_eq!(seen.0, StatusCode::OK);
    assert!(seen.1.get("seen-x-api-key").is_none());
}

#[test]
fn the_layer_can_be_shared_between_threads() {
    fn assert_send_sync<T: Send + Sync + Clone>() {}
    assert_send_sync::<ApiKeyLayer>();
    assert_send_sync::<ApiKey<Upstream>>();
    let _: ServiceName = ORDERS;
}

#[tokio::test]
async fn what_is_counted_bears_the_labels_of_the_configuration() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let layer =
        metrics::with_local_recorder(&recorder, || ApiKeyLayer::new(world.gate.clone(), ORDERS));
    let service = layer.layer(Upstream::default());
    for token in [
        Some(key.token.expose()),
        Some("pck_live_nothing"),
        None,
        None,
    ] {
        send(service.clone(), request(token)).await;
    }
    let text = recorder.handle().render();
    let counts = |outcome, count| {
        let line = format!(
            "portcullis_requests_total{{service=\"orders\",outcome=\"{outcome}\"}} {count}\n"
        );
        assert!(text.contains(&line), "{line} in {text}");
    };
    counts("admitted", 1);
    counts("invalid_token", 1);
    counts("missing_credential", 2);
    counts("rate_limited", 0);
    assert!(
        text.contains("portcullis_decision_duration_seconds_count{service=\"orders\"} 4\n"),
        "{text}"
    );
}

#[tokio::test]
async fn the_key_s_id_comes_onto_the_current_span() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, _) = open(&world);
    let told = Told::default();
    let subscriber = tracing_subscriber::registry().with(told.clone());
    let _default = tracing::subscriber::set_default(subscriber);
    let span = tracing::info_span!("request", portcullis.key_id = tracing::field::Empty);
    send(service, request(Some(key.token.expose())))
        .instrument(span)
        .await;
    let told = told.0.lock().expect("whole").clone();
    assert_eq!(told, [format!("portcullis.key_id={}", key.key.id)]);
}

/// What was recorded onto spans after they were made.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Told {
    fn on_record(
        &self,
        _span: &tracing::span::Id,
        values: &tracing::span::Record<'_>,
        _context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut told = self.0.lock().expect("whole");
        values.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                told.push(format!("{}={value:?}", field.name()));
            },
        );
    }
}
