use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, Version};
use http_body_util::BodyExt;
use metrics::with_local_recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use portcullis::audit::Actor;
use portcullis::clock::SystemClock;
use portcullis::key::Environments;
use portcullis::keyring::Keyring;
use portcullis::manager::{NewKey, NewService};
use portcullis::scope::Requirement;
use portcullis::service::ServiceName;
use portcullis::token::Presented;
use portcullis::{Context, Grant, KeyManager, MemoryStore, Verdict};
use tower::{ServiceExt, service_fn};
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use super::matching;
use crate::body::{BodySource, ChannelBody, ChannelSender, ProxyBody};
use crate::headers::request_id::RequestId;
use crate::path::CanonicalPath;
use crate::route::{
    GuardTerms, Handing, LivePolicy, Passed, RouteMeta, Router, Routing, ToUpstream,
};
use crate::upstream::{HttpUpstream, Upstream, UpstreamConfig, UpstreamFuture};
use crate::wire::{Wire, listener};

const ORDERS: ServiceName = ServiceName::from_static("orders");

/// Hands on nothing of a request, and answers with this body.
struct Answering(Mutex<Option<ProxyBody>>);

impl Upstream for Answering {
    fn name(&self) -> &str {
        "orders"
    }

    fn send(&self, _: Request<ProxyBody>) -> UpstreamFuture {
        let body = self.0.lock().expect("unpoisoned").take();
        let body = body.expect("a request reached the upstream that must not");
        Box::pin(async move { Ok(Response::new(body)) })
    }
}

/// Answers with a body of this type, which has no end.
struct Endless(&'static str, Mutex<Vec<ChannelSender>>);

impl Upstream for Endless {
    fn name(&self) -> &str {
        "orders"
    }

    fn send(&self, _: Request<ProxyBody>) -> UpstreamFuture {
        let (sender, body) = ChannelBody::new();
        self.1.lock().expect("unpoisoned").push(sender);
        let body = ProxyBody::new(body, BodySource::Upstream);
        let answer = Response::builder().header(CONTENT_TYPE, self.0).body(body);
        Box::pin(async move { Ok(answer.expect("an answer")) })
    }
}

/// What is logged by this thread, from `info` on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::INFO)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("unpoisoned").clone()).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where requests go on to an upstream, and what is counted of it.
fn to_upstream(upstream: impl Upstream + 'static) -> (ToUpstream, PrometheusHandle) {
    to_upstream_by(upstream, Handing::default())
}

fn to_upstream_by(
    upstream: impl Upstream + 'static,
    handing: Handing,
) -> (ToUpstream, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let clock = Arc::new(SystemClock::new());
    let meta = RouteMeta {
        name: "orders-all".into(),
        guard: Some(GuardTerms {
            service: ORDERS,
            environments: Environments::ALL,
            requirement: Requirement::none(),
        }),
        live: LivePolicy::default(),
    };
    let to = with_local_recorder(&recorder, || {
        ToUpstream::new(&meta, Arc::new(upstream), handing, clock)
    });
    (to, recorder.handle())
}

async fn grant() -> Grant {
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let manager = KeyManager::builder(MemoryStore::new())
        .keyring(keyring)
        .build()
        .await
        .expect("a manager");
    let actor = Actor::new("test").expect("an actor");
    let service = NewService::new(ORDERS);
    manager.create_service(service, &actor).await.expect("made");
    let key = NewKey::new(
        ORDERS,
        "acme".parse().expect("owner"),
        "x".parse().expect("name"),
    );
    let issued = manager.create_key(key, &actor).await.expect("issued");
    let presented = Presented::new(issued.token.expose().as_bytes());
    let verdict = manager.validate(presented, &Context::new(&ORDERS)).await;
    let Verdict::Granted(grant) = verdict else {
        panic!("{verdict:?}")
    };
    grant
}

/// A request that was guarded, its id and that of its key.
async fn guarded(body: ProxyBody) -> (Request<ProxyBody>, String, String) {
    let mut request = Request::new(body);
    let grant = grant().await;
    let ids = (
        RequestId::assign(&mut request).to_string(),
        grant.key_id().to_string(),
    );
    let path = CanonicalPath::from_uri(request.uri()).expect("canonical");
    request.extensions_mut().insert(path);
    request
        .extensions_mut()
        .insert(Passed::for_test(Some(grant)));
    (request, ids.0, ids.1)
}

#[track_caller]
fn assert_counted(metrics: &PrometheusHandle, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
}

#[tokio::test]
async fn a_request_that_passed_no_door_goes_nowhere() {
    let (to, _) = to_upstream(Answering(Mutex::new(None)));
    let (mut request, ..) = guarded(ProxyBody::empty()).await;
    request.extensions_mut().remove::<Passed>();
    // A grant is no proof that this route asked for it.
    request.extensions_mut().insert(grant().await);
    let response = to.oneshot(request).await;
    assert_eq!(response.expect("infallible").status(), 500);
}

#[tokio::test]
async fn a_failure_is_counted_by_its_kind_and_told_with_its_causes() {
    let (listener, address) = listener().await;
    drop(listener);
    let config = UpstreamConfig::new(address.to_string().parse().expect("an authority"));
    let (to, metrics) = to_upstream(HttpUpstream::new("orders", config).expect("valid"));
    let (request, request_id, key_id) = guarded(ProxyBody::empty()).await;
    let log = Log::default();
    let _listening = log.listen();
    let response = to.oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), 502);
    let text = log.text();
    for part in [
        "WARN",
        "Connection refused",
        &request_id,
        &key_id,
        "service=orders",
        "route=orders-all",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains(&address.port().to_string()), "{text}");
    let requests = "portcullis_upstream_requests_total{service=\"orders\",outcome=";
    assert_counted(&metrics, &format!("{requests}\"connect\"}} 1"));
    assert_counted(&metrics, &format!("{requests}\"answered\"}} 0"));
    assert_counted(
        &metrics,
        "portcullis_upstream_duration_seconds_count{service=\"orders\"} 1",
    );
}

#[tokio::test]
async fn a_client_that_breaks_off_is_not_held_against_the_upstream() {
    let (listener, address) = listener().await;
    tokio::spawn(async move { Wire::accept(&listener).await.closed().await });
    let config = UpstreamConfig::new(address.to_string().parse().expect("an authority"));
    let (to, metrics) = to_upstream(HttpUpstream::new("orders", config).expect("valid"));
    let (sender, body) = ChannelBody::new();
    sender.data("x").await;
    sender.fail("torn").await;
    let (request, ..) = guarded(ProxyBody::new(body, BodySource::Client)).await;
    let log = Log::default();
    let _listening = log.listen();
    let response = to.oneshot(request).await.expect("infallible");
    assert_eq!((response.status().as_u16(), log.text().as_str()), (400, ""));
    assert_counted(
        &metrics,
        "portcullis_upstream_requests_total{service=\"orders\",outcome=\"request_body\"} 1",
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_counted_and_told() {
    let (sender, body) = ChannelBody::new();
    let body = ProxyBody::new(body, BodySource::Upstream);
    let (to, metrics) = to_upstream(Answering(Mutex::new(Some(body))));
    let (request, request_id, key_id) = guarded(ProxyBody::empty()).await;
    let log = Log::default();
    let _listening = log.listen();
    let response = to.oneshot(request).await.expect("infallible");
    sender.data("half").await;
    sender.fail("torn").await;
    assert!(response.into_body().collect().await.is_err());
    let text = log.text();
    for part in ["WARN", "torn", &request_id, &key_id, "service=orders"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let errors = "portcullis_upstream_body_errors_total{service=\"orders\",kind=";
    assert_counted(&metrics, &format!("{errors}\"broken\"}} 1"));
    assert_counted(&metrics, &format!("{errors}\"stalled\"}} 0"));
}

/// Trailers end an answer in order, and only gRPC reads in them that it is not whole.
#[tokio::test]
async fn an_answer_whose_time_is_over_is_ended_by_trailers_where_it_is_grpc() {
    const GRPC: &str = "application/grpc+proto";
    for (asked, answered, version, is_told) in [
        (GRPC, GRPC, Version::HTTP_2, true),
        (GRPC, "text/html", Version::HTTP_2, false),
        (GRPC, GRPC, Version::HTTP_11, false),
        ("text/html", GRPC, Version::HTTP_2, false),
    ] {
        let handing = Handing {
            whole: Some(Duration::from_millis(20)),
            ..Handing::default()
        };
        let (to, _) = to_upstream_by(Endless(answered, Mutex::default()), handing);
        let (mut request, ..) = guarded(ProxyBody::empty()).await;
        *request.version_mut() = version;
        let asked = HeaderValue::from_static(asked);
        request.headers_mut().insert(CONTENT_TYPE, asked);
        let response = to.oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), 200);
        let ended = response.into_body().collect().await;
        assert_eq!(ended.is_ok(), is_told, "{answered} {version:?}");
        if let Ok(whole) = ended {
            assert_eq!(whole.trailers().expect("trailers")["grpc-status"], "4");
        }
    }
}

#[tokio::test]
async fn what_goes_to_no_route_is_counted_by_its_status() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let inner = service_fn(async |_: Request<()>| -> Result<_, Infallible> {
        Ok(Response::new(portcullis::Body::inner(ProxyBody::empty())))
    });
    let routes = ["* /orders/*", "* /orders/new POST", "* /orders/old - x-old"];
    let routing = Routing::new(routes.map(|text| (matching(text), inner)));
    let router = with_local_recorder(&recorder, || Router::new(Arc::new(routing), 64));
    let long = format!("/{}", "a".repeat(64));
    for (method, path, status) in [
        ("GET", "/orders", 200),
        ("POST", "/orders/new", 200),
        ("GET", "/%", 400),
        ("GET", "/orders/new;x", 400),
        ("GET", "http://b/orders", 400),
        ("GET", "/billing", 404),
        ("GET", "/billing/2", 404),
        ("GET", "/orders/old", 404),
        ("GET", "/orders/new", 405),
        ("GET", "/orders/new/", 405),
        ("GET", &long, 414),
        ("TRACE", "/orders", 501),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "a").body(()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), status, "{path}");
        let allow = response
            .headers()
            .get("allow")
            .map(|methods| methods.as_bytes());
        assert_eq!(allow, (status == 405).then_some(&b"POST"[..]), "{path}");
    }
    for (status, count) in [(400, 3), (404, 3), (405, 2), (414, 1), (501, 1)] {
        let line = format!("portcullis_refused_total{{status=\"{status}\"}} {count}");
        assert_counted(&recorder.handle(), &line);
    }
}
