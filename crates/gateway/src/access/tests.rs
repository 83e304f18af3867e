//! Records of requests to services that end in every way, by a clock that stands still.

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use portcullis::clock::ManualClock;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::upload::Upload;
use super::{AccessLayer, AccessLog, AccessLogConfig, AccessOutput, Notes};
use crate::body::{BodyError, BodySource, ChannelBody, ProxyBody};
use crate::server::{HeadFault, Secured};
use crate::stack::answer_panic;
use crate::upstream::UpstreamErrorKind;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

struct World {
    _folder: TempDir,
    path: PathBuf,
    clock: ManualClock,
    log: AccessLog,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access");
        let config = AccessLogConfig {
            output: AccessOutput::File(path.clone()),
            with_path: true,
            ..AccessLogConfig::default()
        };
        let clock = ManualClock::new();
        let log = AccessLog::new(Arc::new(clock.clone()), Some(&config), None);
        Self {
            _folder: folder,
            path,
            clock,
            log: log.expect("opened"),
        }
    }

    /// What `answer` makes of a request, as the layer hands it on.
    async fn answered<F>(
        &self,
        request: Request<ProxyBody>,
        answer: impl FnMut(Request<Upload<ProxyBody>>) -> F + Clone,
    ) -> Response<impl Body<Data = bytes::Bytes, Error = BoxError> + Unpin>
    where
        F: Future<Output = Result<Response<ProxyBody>, Infallible>>,
    {
        let mut service = ServiceBuilder::new()
            .layer(AccessLayer::new(self.log.clone()))
            .layer(CatchPanicLayer::custom(answer_panic))
            .service(service_fn(answer));
        let answered = service
            .ready()
            .await
            .expect("infallible")
            .call(request)
            .await;
        answered.expect("infallible").map(Box::pin)
    }

    /// All lines, when all is over.
    async fn lines(self) -> Vec<Value> {
        self.log.close().await;
        let text = fs::read_to_string(&self.path).expect("read");
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("JSON")
    }
}

fn get() -> Request<ProxyBody> {
    Request::builder()
        .uri("/a/b?secret=1")
        .body(ProxyBody::empty())
        .expect("a request")
}

fn whole(text: &'static str) -> Response<ProxyBody> {
    let body = http_body_util::Full::new(bytes::Bytes::from_static(text.as_bytes()));
    Response::new(ProxyBody::of(body.map_err(|never| match never {})))
}

fn streamed(body: ChannelBody) -> Response<ProxyBody> {
    Response::new(ProxyBody::new(body, BodySource::Upstream))
}

#[tokio::test]
async fn a_line_says_who_what_how_much_and_how_long() {
    let world = World::new();
    let clock = world.clock.clone();
    let body = http_body_util::Full::new(bytes::Bytes::from_static(b"12345"));
    let mut request = get().map(|_| ProxyBody::new(body, BodySource::Client));
    *request.method_mut() = Method::POST;
    request.extensions_mut().insert(Secured { version: "1.3" });
    let answer = |request: Request<Upload<ProxyBody>>| {
        let clock = clock.clone();
        async move {
            let notes: Notes = request.extensions().get().cloned().expect("notes");
            let now = || portcullis::clock::Clock::now(&clock).monotonic();
            clock.advance(Duration::from_micros(1_500));
            notes.sent(now());
            for endpoint in ["192.0.2.1:80", "[2001:db8::1]:80"] {
                notes.tried(endpoint.parse().expect("an address"));
            }
            assert_eq!(
                request
                    .into_body()
                    .collect()
                    .await
                    .expect("whole")
                    .to_bytes(),
                "12345"
            );
            clock.advance(Duration::from_millis(20));
            notes.answered(now());
            clock.advance(Duration::from_millis(1));
            Ok(whole("answer!"))
        }
    };
    let response = world.answered(request, answer).await;
    world.clock.advance(Duration::from_millis(100));
    response.into_body().collect().await.expect("whole");
    let expected = json!({
        "time": "2030-01-01T00:00:00.000Z",
        "protocol": "HTTP/1.1",
        "tls": "1.3",
        "method": "POST",
        "path": "/a/b",
        "status": 200,
        "endpoint": "[2001:db8::1]:80",
        "attempts": 2,
        "bytes_in": 5,
        "bytes_out": 7,
        "duration_ms": 122.5,
        "decision_ms": 1.5,
        "upstream_ms": 20.0,
        "outcome": "complete",
    });
    assert_eq!(world.lines().await, [expected]);
}

#[tokio::test]
async fn each_request_has_one_line_however_it_ends() {
    let world = World::new();
    // The whole of it, read to its end or only as far as it goes.
    let mut response = world.answered(get(), async |_| Ok(whole("ok"))).await;
    assert!(response.body_mut().frame().await.is_some());
    assert!(response.body_mut().frame().await.is_none());
    drop(response);
    // No body, or none that anybody asks for.
    drop(world.answered(get(), async |_| Ok(whole(""))).await);
    let mut head = get();
    *head.method_mut() = Method::HEAD;
    drop(world.answered(head, async |_| Ok(whole("not sent"))).await);
    // Half of it.
    let (sender, body) = ChannelBody::new();
    let body = std::sync::Mutex::new(Some(body));
    let body = Arc::new(body);
    let answer = {
        let body = Arc::clone(&body);
        move |_| {
            let body = body.lock().expect("a lock").take().expect("once");
            async { Ok(streamed(body)) }
        }
    };
    let mut response = world.answered(get(), answer).await;
    sender.data("half").await;
    assert!(response.body_mut().frame().await.is_some());
    drop(response);
    // Broken off by the upstream.
    let (sender, broken) = ChannelBody::new();
    *body.lock().expect("a lock") = Some(broken);
    let answer = {
        let body = Arc::clone(&body);
        move |_| {
            let body = body.lock().expect("a lock").take().expect("once");
            async { Ok(streamed(body)) }
        }
    };
    let mut response = world.answered(get(), answer).await;
    sender.fail("torn").await;
    assert!(
        response
            .body_mut()
            .frame()
            .await
            .expect("an error")
            .is_err()
    );
    drop(response);
    // Nobody waits for the head.
    let waiting = world.answered(get(), async |_| std::future::pending().await);
    let waiting = tokio::time::timeout(Duration::from_millis(1), waiting);
    assert!(waiting.await.is_err());

    let ends: Vec<Value> = world
        .lines()
        .await
        .iter()
        .map(|line| {
            json!([
                line["outcome"],
                line["status"],
                line["bytes_out"],
                line["error"]
            ])
        })
        .collect();
    let none = Value::Null;
    assert_eq!(
        ends,
        [
            json!(["complete", 200, 2, none]),
            json!(["complete", 200, 0, none]),
            json!(["complete", 200, 0, none]),
            json!(["client_gone", 200, 4, none]),
            json!(["upstream_broke", 200, 0, "broken"]),
            json!(["client_gone", none, 0, none]),
        ]
    );
}

/// As of a WebSocket that ends between two frames.
#[tokio::test]
async fn an_answer_that_ends_though_its_upstream_broke_off_is_told_as_such() {
    let world = World::new();
    let broke = async |request: Request<Upload<ProxyBody>>| {
        let notes = request.extensions().get::<Notes>().expect("notes");
        notes.upstream_broke();
        Ok(whole("some"))
    };
    let response = world.answered(get(), broke).await;
    response.into_body().collect().await.expect("an end");
    let lines = world.lines().await;
    assert_eq!(lines[0]["outcome"], "upstream_broke");
    assert_eq!(lines[0]["error"], "broken");
}

#[tokio::test]
async fn a_panic_has_its_line_and_its_answer() {
    let world = World::new();
    let response = world
        .answered(get(), async |_| panic!("a test's own panic"))
        .await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    response.into_body().collect().await.expect("whole");
    let lines = world.lines().await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["outcome"], "panic");
    assert_eq!(lines[0]["status"], 500);
}

#[tokio::test]
async fn what_was_no_request_and_what_failed_behind_are_named() {
    let world = World::new();
    let mut fault = get();
    fault.extensions_mut().insert(HeadFault::BareLineFeed);
    let refuse = async |_| {
        let mut response = whole("no");
        *response.status_mut() = StatusCode::BAD_REQUEST;
        Ok(response)
    };
    let refused = world.answered(fault, refuse).await;
    refused.into_body().collect().await.expect("whole");
    let fail = async |_| {
        let mut response = whole("no");
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        let kind = UpstreamErrorKind::ResponseTimeout;
        response.extensions_mut().insert(kind);
        Ok(response)
    };
    let failed = world.answered(get(), fail).await;
    failed.into_body().collect().await.expect("whole");
    let (sender, body) = ChannelBody::new();
    sender.fail("silent").await;
    let stalled = body.map_err(|_| BodyError::stalled(BodySource::Upstream));
    let stalled = Arc::new(std::sync::Mutex::new(Some(stalled)));
    let stall = move |_| {
        let body = stalled.lock().expect("a lock").take().expect("once");
        async { Ok(Response::new(ProxyBody::of(body))) }
    };
    let stalled = world.answered(get(), stall).await;
    assert!(stalled.into_body().collect().await.is_err());

    let lines = world.lines().await;
    assert_eq!(lines[0]["fault"], HeadFault::BareLineFeed.as_str());
    assert_eq!(lines[0]["refused"], "bad_head");
    assert_eq!(lines[0]["method"], Value::Null, "the substitute's is none");
    assert_eq!(lines[1]["outcome"], "timeout");
    assert_eq!(lines[1]["error"], "response_timeout");
    assert_eq!(lines[2]["outcome"], "timeout");
    assert_eq!(lines[2]["error"], "stalled");
    assert_eq!(lines.len(), 3);
}

#[tokio::test]
async fn what_the_gateway_cuts_is_no_client_that_left() {
    let world = World::new();
    world.log.drain(Duration::from_secs(1));
    for _ in 0..2 {
        let waiting = world.answered(get(), async |_| std::future::pending().await);
        let waiting = tokio::time::timeout(Duration::from_millis(1), waiting);
        assert!(waiting.await.is_err());
        world.clock.advance(Duration::from_secs(1));
    }
    let lines = world.lines().await;
    assert_eq!(lines[0]["outcome"], "client_gone");
    assert_eq!(lines[1]["outcome"], "ended");
    assert_eq!(lines[1]["reason"], "draining");
}

#[tokio::test]
async fn no_token_stands_in_a_line() {
    let world = World::new();
    let token = "pck_live_0f8fad5bd9cb469fa16570867728950e_0123456789abcdefghijklmnopqrstuvwxyz";
    let secret = "0123456789abcdef";
    for path in [
        format!("/x/{token}/y?t={token}"),
        format!("/x/{}", token.replace('_', "%5F")),
        format!("/{}x{token}", "a".repeat(2_040)),
    ] {
        let mut request = get();
        *request.uri_mut() = path.parse().expect("a target");
        *request.method_mut() = Method::from_bytes(token.as_bytes()).expect("a method");
        let answer = world.answered(request, async |_| Ok(whole("ok"))).await;
        answer.into_body().collect().await.expect("whole");
    }
    let lines = world.lines().await;
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert!(!line.to_string().contains(secret), "{line}");
    }
    assert!(
        lines[0]["path"]
            .as_str()
            .expect("a path")
            .ends_with("_[redacted]/y")
    );
}

#[test]
fn requests_without_a_line_are_measured_as_well() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let clock = ManualClock::new();
    let log = AccessLog::new(Arc::new(clock.clone()), None, None).expect("nothing to open");
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            let service = ServiceBuilder::new()
                .layer(AccessLayer::new(log))
                .service(service_fn(async |_: Request<Upload<ProxyBody>>| {
                    clock.advance(Duration::from_millis(3));
                    Ok::<_, Infallible>(Response::new(
                        whole("ok")
                            .into_body()
                            .map_err(BoxError::from)
                            .boxed_unsync(),
                    ))
                }));
            let answer = service.oneshot(get()).await.expect("infallible");
            answer.into_body().collect().await.expect("whole");
        });
    });
    let text = recorder.handle().render();
    for line in [
        "portcullis_request_duration_seconds_count{service=\"\",route=\"\",class=\"2xx\"} 1",
        "portcullis_request_duration_seconds_sum{service=\"\",route=\"\",class=\"2xx\"} 0.003",
        "portcullis_gateway_duration_seconds_sum{service=\"\",route=\"\"} 0.003",
        "portcullis_response_body_bytes_sum{service=\"\",route=\"\"} 2",
        "portcullis_request_body_bytes_sum{service=\"\",route=\"\"} 0",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
    }
    assert!(
        !text.contains("class=\"5xx\""),
        "what never comes is not there"
    );
}
