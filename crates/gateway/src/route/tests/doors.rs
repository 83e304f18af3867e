//! Who comes in by which door, and what the upstream learns of it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::header::{AUTHORIZATION, HeaderName};
use http::request::{Builder, Parts};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use portcullis::clock::SystemClock;
use portcullis::credential::Credentials;
use portcullis::scope::{Permission, Requirement};
use portcullis::service::ServiceName;
use portcullis::testing::gate_with_key;
use portcullis::token::Presented;
use portcullis::{ApiKeyLayer, Context, Gatekeeper, Grant, Verdict};
use tower::{Layer, Service, ServiceExt};

use super::canonical;
use crate::body::ProxyBody;
use crate::route::{
    Action, ByMethod, Door, DoorLayer, FixedResponse, Handing, LivePolicy, MethodSet, OpenDoor,
    PathRewrite, Redirect, RouteMeta, ToUpstream,
};
use crate::upstream::{Upstream, UpstreamFuture};

static ORDERS: ServiceName = ServiceName::from_static("orders");
const READ: Permission = Permission::from_static("orders:read");
const WRITE: Permission = Permission::from_static("orders:write");
const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Parts>>>);

impl Seen {
    fn take(&self) -> Option<Parts> {
        let mut seen = self.0.lock().expect("unpoisoned");
        assert!(seen.len() <= 1, "one request at most");
        seen.pop()
    }

    /// Where requests go on to this, without the first segments of their paths.
    fn action(&self, stripped: usize) -> Action {
        let meta = RouteMeta {
            name: "orders".into(),
            guard: None,
            live: LivePolicy::default(),
        };
        let clock = Arc::new(SystemClock::new());
        let handing = Handing {
            rewrite: PathRewrite::WithoutFirst(stripped),
            ..Handing::default()
        };
        Action::Forward(ToUpstream::new(
            &meta,
            Arc::new(self.clone()),
            handing,
            clock,
        ))
    }
}

impl Upstream for Seen {
    fn name(&self) -> &str {
        "orders"
    }

    fn send(&self, request: Request<ProxyBody>) -> UpstreamFuture {
        self.0
            .lock()
            .expect("unpoisoned")
            .push(request.into_parts().0);
        Box::pin(async { Ok(Response::new(ProxyBody::empty())) })
    }
}

fn guard(gate: &Gatekeeper, required: Permission) -> portcullis::ApiKeyLayerBuilder {
    ApiKeyLayer::builder(gate.clone(), ORDERS.clone())
        .require(Requirement::all_of([required]))
        .credentials(Credentials::bearer().or_header_name(KEY))
}

fn open() -> DoorLayer {
    DoorLayer::Open(OpenDoor::new(Some(&KEY)))
}

fn ask(method: Method, target: &str) -> Builder {
    let builder = Request::builder().method(method).uri(target);
    builder.extension(canonical(target))
}

/// The status of the answer.
async fn send<S>(service: &S, request: Builder) -> StatusCode
where
    S: Service<
            Request<ProxyBody>,
            Response = Response<portcullis::Body<ProxyBody>>,
            Error = Infallible,
        > + Clone,
{
    let request = request.body(ProxyBody::empty()).expect("a request");
    let response = service.clone().oneshot(request).await.expect("infallible");
    response.status()
}

fn identity(parts: &Parts) -> Vec<String> {
    let fields = parts.headers.iter();
    let ours = fields.filter(|(name, _)| name.as_str().starts_with("x-portcullis-"));
    ours.map(|(name, value)| format!("{name}: {value:?}"))
        .collect()
}

#[tokio::test]
async fn an_open_door_asks_nobody_and_tells_of_nobody() {
    let (gate, token) = gate_with_key(ORDERS.clone(), [READ]).await;
    let presented = Presented::new(token.expose().as_bytes());
    let verdict = gate
        .manager()
        .validate(presented, &Context::new(&ORDERS))
        .await;
    let Verdict::Granted(grant) = verdict else {
        panic!("{verdict:?}")
    };
    let seen = Seen::default();
    let door = open().layer(seen.action(0));
    let request = ask(Method::GET, "/status")
        .extension::<Grant>(grant)
        .header("x-portcullis-owner", "root")
        .header("X_Portcullis_Scopes", "*")
        .header("x-http-method-override", "DELETE");
    assert_eq!(send(&door, request).await, 200);
    let parts = seen.take().expect("a request");
    assert!(identity(&parts).is_empty(), "{:?}", parts.headers);
    assert!(!parts.headers.contains_key("x_portcullis_scopes"));
    assert!(!parts.headers.contains_key("x-http-method-override"));
}

#[tokio::test]
async fn an_open_door_keeps_keys_of_ours_from_the_upstream_and_nothing_else() {
    let (_, token) = gate_with_key(ORDERS.clone(), [READ]).await;
    let token = token.expose();
    let seen = Seen::default();
    let door = open().layer(seen.action(0));
    for (name, value, stays) in [
        ("authorization", format!("Bearer {token}"), false),
        ("authorization", token.to_owned(), false),
        ("authorization", format!("Basic x, bearer {token}"), false),
        ("x-api-key", token.to_owned(), false),
        ("x-api-key", "whatever".to_owned(), false),
        ("x_api_key", token.to_owned(), false),
        ("authorization", "Bearer eyJhbGciOi.J9.x".to_owned(), true),
        ("authorization", "Basic dXNlcjpwYXNz".to_owned(), true),
        ("x-other", "1".to_owned(), true),
    ] {
        let request = ask(Method::GET, "/").header(name, &value);
        assert_eq!(send(&door, request).await, 200);
        let parts = seen.take().expect("a request");
        assert_eq!(parts.headers.contains_key(name), stays, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_closed_door_opens_to_good_keys_alone() {
    let (gate, token) = gate_with_key(ORDERS.clone(), [READ]).await;
    let bearer = format!("Bearer {}", token.expose());
    let seen = Seen::default();
    let required = DoorLayer::Required(guard(&gate, READ).build()).layer(seen.action(0));
    let optional = DoorLayer::Optional(guard(&gate, READ).optional().build()).layer(seen.action(0));
    for (authorization, by_required, by_optional) in [
        (Some(bearer.as_str()), 200, 200),
        (Some("Bearer pck_live_bad"), 401, 401),
        (Some("Bearer"), 400, 400),
        (None, 401, 200),
    ] {
        for (door, status) in [(&required, by_required), (&optional, by_optional)] {
            let mut request = ask(Method::GET, "/x").header("x-portcullis-owner", "root");
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value);
            }
            assert_eq!(send(door, request).await, status, "{authorization:?}");
            let parts = seen.take();
            assert_eq!(parts.is_some(), status == 200);
            let Some(parts) = parts else { continue };
            let told = if authorization.is_some() { 5 } else { 0 };
            assert_eq!(identity(&parts).len(), told, "{:?}", parts.headers);
            assert!(!parts.headers.contains_key(AUTHORIZATION));
            assert!(!format!("{:?}", parts.headers).contains("root"));
        }
    }
}

#[tokio::test]
async fn a_door_that_demands_a_grant_lets_nobody_through_an_optional_guard_without() {
    let (gate, _) = gate_with_key(ORDERS.clone(), [READ]).await;
    let seen = Seen::default();
    let door = DoorLayer::Required(guard(&gate, READ).optional().build()).layer(seen.action(0));
    assert_eq!(send(&door, ask(Method::GET, "/")).await, 500);
    assert!(seen.take().is_none());
}

#[tokio::test]
async fn methods_may_ask_for_more_than_others() {
    let (gate, token) = gate_with_key(ORDERS.clone(), [READ]).await;
    let seen = Seen::default();
    let door = |permission| -> Door<Action> {
        DoorLayer::Required(guard(&gate, permission).build()).layer(seen.action(0))
    };
    let post = (MethodSet::of([Method::POST]), door(WRITE));
    let route = ByMethod::new(vec![post], door(READ));
    for (method, status) in [
        (Method::GET, 200),
        (Method::HEAD, 200),
        (Method::POST, 403),
        (Method::DELETE, 200),
    ] {
        let request = ask(method.clone(), "/x").header(KEY, token.expose());
        assert_eq!(send(&route, request).await, status, "{method}");
        assert_eq!(seen.take().is_some(), status == 200);
    }
}

#[tokio::test]
async fn a_prefix_can_stay_with_the_gateway() {
    let seen = Seen::default();
    for (stripped, target, expected) in [
        (0, "/a/b/c?q=/", "/a/b/c?q=/"),
        (1, "/a/b/c?q=/", "/b/c?q=/"),
        (1, "/a;v/b%20c/", "/b%20c/"),
        (2, "/a/b", "/"),
        (2, "/a/b/", "/"),
        (2, "/a/b?q", "/?q"),
        (1, "/x/../a/./%7Eb%20c?a//b", "/~b%20c?a//b"),
    ] {
        let door = open().layer(seen.action(stripped));
        assert_eq!(send(&door, ask(Method::GET, target)).await, 200);
        let parts = seen.take().expect("a request");
        assert_eq!(parts.uri.to_string(), expected, "{target}");
        let again = canonical(expected);
        assert_eq!(again.path_and_query().as_str(), expected);
    }
}

#[tokio::test]
async fn a_route_may_answer_by_itself() {
    let fixed = FixedResponse {
        status: StatusCode::IM_A_TEAPOT,
        content_type: "text/plain".parse().expect("a value"),
        body: "short".into(),
    };
    let redirect = Redirect {
        to: "https://b.test{path}".parse().expect("a target"),
        status: StatusCode::PERMANENT_REDIRECT,
    };
    let answer = async |action: Action, target: &str| {
        let request = ask(Method::GET, target)
            .body(ProxyBody::empty())
            .expect("a request");
        let response = open()
            .layer(action)
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (parts, body)
    };
    let (parts, body) = answer(Action::Respond(fixed), "/x").await;
    assert_eq!((parts.status.as_u16(), &body[..]), (418, &b"short"[..]));
    assert_eq!(parts.headers["content-type"], "text/plain");
    let (parts, body) = answer(Action::Redirect(redirect), "/x//y?z").await;
    assert_eq!((parts.status.as_u16(), body.len()), (308, 0));
    assert_eq!(parts.headers["location"], "https://b.test/x/y?z");
}
