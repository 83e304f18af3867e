//! What a client is told of the end.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use portcullis::manager::{Expiry, KeyPatch};
use portcullis::scope::{Requirement, Scopes};
use portcullis::store::Fault;
use portcullis::verdict::DenialReason;
use portcullis::{ApiKeyLayer, Gatekeeper, Limiter};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::{Layer, ServiceExt, service_fn};

use super::World;
use super::fixture::{ORDERS, READ};
use crate::body::{BodyError, BodyErrorKind, ProxyBody};
use crate::route::{Fate, LivePolicy};
use crate::server::EndReason;
use crate::wire::LONG;

const SOON: Duration = Duration::from_millis(150);

type Whole = (StatusCode, HeaderMap, Bytes);

async fn whole<B: Body<Data = Bytes, Error = BodyError>>(answer: Response<B>) -> Whole {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("a body");
    (parts.status, parts.headers, body.to_bytes())
}

impl World {
    /// A request that waits for the head of its answer.
    async fn waits(
        &self,
        request: Request<ProxyBody>,
        policy: LivePolicy,
    ) -> JoinHandle<Response<ProxyBody>> {
        let task = tokio::spawn(self.waiting(request, policy));
        self.pass(Duration::from_millis(50)).await;
        assert!(!task.is_finished());
        task
    }

    /// What the guard itself answers to this request, now.
    async fn guarded(&self, token: &str, content_type: Option<&'static str>) -> Whole {
        let gate = Gatekeeper::new(self.manager.clone(), Limiter::default());
        let guard = ApiKeyLayer::builder(gate, ORDERS)
            .require(Requirement::all_of([READ]))
            .build();
        let mut request = Request::new(ProxyBody::empty());
        let headers = request.headers_mut();
        let bearer = HeaderValue::try_from(format!("Bearer {token}"));
        headers.insert(http::header::AUTHORIZATION, bearer.expect("a value"));
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let inner = service_fn(async |_: Request<ProxyBody>| {
            Ok::<_, BodyError>(Response::new(ProxyBody::empty()))
        });
        whole(
            guard
                .layer(inner)
                .oneshot(request)
                .await
                .expect("an answer"),
        )
        .await
    }
}

/// The answer, which must be there.
async fn answered(waiting: JoinHandle<Response<ProxyBody>>) -> Response<ProxyBody> {
    assert!(waiting.is_finished(), "it still waits");
    waiting.await.expect("no panic")
}

#[tokio::test]
async fn whoever_waits_for_an_answer_is_refused_in_the_guard_s_own_words() {
    for content_type in [
        None,
        Some("application/grpc+proto"),
        Some("application/grpc-web"),
    ] {
        let world = World::new().await;
        let key = world.issue(Expiry::Never).await;
        let (mut request, lifeline) = world.request(&key.token).await;
        if let Some(content_type) = content_type {
            let value = HeaderValue::from_static(content_type);
            request.headers_mut().insert(CONTENT_TYPE, value);
        }
        let waiting = world.waits(request, LivePolicy::default()).await;
        world.revoke(&key).await;
        world.pass(SOON).await;
        let answer = whole(answered(waiting).await).await;
        assert_eq!(
            answer,
            world.guarded(key.token.expose(), content_type).await
        );
        let (status, headers, _) = answer;
        match content_type {
            None => {
                assert_eq!(status, 401);
                let challenge = headers[WWW_AUTHENTICATE].to_str().expect("text");
                assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            }
            Some(_) => assert_eq!(
                (status.as_u16(), &headers["grpc-status"]),
                (200, &"16".parse().expect("16"))
            ),
        }
        assert!(lifeline.is_over(), "it is answered");
        assert_eq!(world.ended("revoked", "refused"), 1);
    }
}

#[tokio::test]
async fn a_permission_that_is_taken_away_is_told() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let (request, _) = world.request(&key.token).await;
    let waiting = world.waits(request, LivePolicy::default()).await;
    let patch = KeyPatch::new().scopes("orders:write".parse::<Scopes>().expect("scopes"));
    let updated = world.manager.update_key(key.key.id, patch, &world.actor);
    updated.await.expect("updated");
    world.pass(SOON).await;
    let answer = whole(answered(waiting).await).await;
    assert_eq!(answer.0, 403);
    assert_eq!(answer, world.guarded(key.token.expose(), None).await);
}

#[tokio::test]
async fn nobody_is_refused_for_an_outage_but_told_to_come_again() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let ends = LivePolicy {
        cut_off: Fate::Ends,
        ..LivePolicy::default()
    };
    let (request, _) = world.request(&key.token).await;
    let waiting = world.waits(request, ends).await;
    world.store.set(Fault::Fail);
    world.pass(Duration::from_secs(31)).await;
    let (status, headers, _) = whole(answered(waiting).await).await;
    assert_eq!(status, 503);
    assert_eq!(headers[RETRY_AFTER], "1");
    assert!(!headers.contains_key(WWW_AUTHENTICATE));
    assert_eq!(world.ended("cut_off", "refused"), 1);
}

#[tokio::test]
async fn an_answer_whose_head_is_not_written_yet_is_not_taken_back() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    for ready in [true, false] {
        let (request, lifeline) = world.request(&key.token).await;
        let stream = world.serve(request, lifeline, LivePolicy::default()).await;
        if ready {
            stream.upstream.data("x").await;
        }
        let reason = EndReason::Denied(DenialReason::Revoked);
        assert!(stream.lifeline.end(reason));
        let mut body = std::pin::pin!(stream.body);
        let mut poll = || {
            let mut task = Context::from_waker(Waker::noop());
            body.as_mut().poll_frame(&mut task)
        };
        match (ready, poll()) {
            (true, Poll::Ready(Some(Ok(frame)))) => assert!(frame.is_data()),
            (false, Poll::Pending) => {}
            (_, other) => panic!("{other:?}"),
        }
        assert!(matches!(poll(), Poll::Ready(Some(Err(_)))));
    }
}

/// What ends the body of an answer of this version that has begun.
async fn last_frame(
    version: Version,
    content_type: &'static str,
) -> Result<HeaderMap, BodyErrorKind> {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let (mut request, lifeline) = world.request(&key.token).await;
    *request.version_mut() = version;
    let value = HeaderValue::from_static(content_type);
    request.headers_mut().insert(CONTENT_TYPE, value);
    let mut stream = world.serve(request, lifeline, LivePolicy::default()).await;
    stream.goes_on().await;
    world.revoke(&key).await;
    world.pass(SOON).await;
    let last = timeout(LONG, stream.body.frame()).await.expect("ended");
    let last = last.expect("a last frame");
    let after = stream.body.frame().await;
    assert!(after.is_none(), "nothing comes after it");
    assert!(stream.upstream.is_closed());
    let how = if last.is_ok() { "trailers" } else { "aborted" };
    assert_eq!(world.ended("revoked", how), 1);
    last.map(|frame| frame.into_trailers().expect("trailers"))
        .map_err(|error| error.kind())
}

#[tokio::test]
async fn a_grpc_stream_ends_with_trailers_where_they_arrive() {
    let trailers = last_frame(Version::HTTP_2, "application/grpc").await;
    let trailers = trailers.expect("trailers");
    assert_eq!(trailers["grpc-status"], "16");
    assert_eq!(trailers["grpc-message"], "invalid_token");
    // In HTTP/1.1 they may be left out, and gRPC-Web has them in its body.
    for (version, content_type) in [
        (Version::HTTP_11, "application/grpc"),
        (Version::HTTP_2, "application/grpc-web"),
        (Version::HTTP_2, "text/event-stream"),
    ] {
        let last = last_frame(version, content_type).await;
        assert_eq!(last, Err(BodyErrorKind::Ended), "{content_type}");
    }
}
