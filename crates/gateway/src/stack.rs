//! The whole way of a request, from the server to the upstream and back, as one list.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderName, Request, Response, StatusCode};
use http_body::Body;
use portcullis::credential::Credentials;
use portcullis::{ApiKeyLayer, Gatekeeper};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::LatencyUnit;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use crate::access::{AccessLayer, AccessLog, EnterLayer, Entered, Panicked};
use crate::body::ProxyBody;
use crate::config::{ActionPlan, Config, DoorPlan, HandlingPlan, RoutePlan};
use crate::forward::Terms;
use crate::headers::host::HostPolicy;
use crate::headers::request_id::RequestId;
use crate::headers::trace_context::TraceContext;
use crate::live::{LiveService, LiveStreams};
use crate::problem;
use crate::reload::Upstreams;
use crate::route::{
    Action, ByMethod, CorsDoor, Door, DoorLayer, Edited, EditedLayer, GuardTerms, Handing,
    OpenDoor, RouteMeta, Router, Routing, ToUpstream,
};
use crate::server::RequestBody;
use crate::setting::InvalidSetting;
use crate::stamp::{StampHandle, StampLayer};
use crate::telemetry::names;

/// What a request comes to first that has found its route.
pub(crate) type RouteService = Entered<CorsDoor<ByMethod<Door<LiveService<Edited<Action>>>>>>;

/// Builds the stack. Top to bottom is the way of a request; its answer goes back up.
pub(crate) fn stack(
    stamp: StampHandle,
    access: AccessLog,
    router: Router<RouteService>,
) -> impl Service<
    Request<RequestBody>,
    Response = Response<impl Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    ServiceBuilder::new()
        // Every request has an id, a trace and an origin, every response the id of its request.
        .layer(StampLayer::new(stamp))
        // One record for each request, finished when the last byte of its answer is out.
        .layer(AccessLayer::new(access))
        // One span for all that is logged of a request.
        .layer(trace())
        // A fault of ours is answered with 500, and costs nobody else anything.
        .layer(CatchPanicLayer::custom(answer_panic))
        // What can be read in two ways is refused; host, canonical path and method find the route.
        .service(router)
}

/// The routes of a configuration, each with what stands behind it.
///
/// # Errors
///
/// [`InvalidSetting`] where a route names an upstream that there is not.
pub(crate) fn routing(
    config: &Config,
    gate: &Gatekeeper,
    live: &LiveStreams,
    upstreams: &Upstreams,
) -> Result<Routing<RouteService>, InvalidSetting> {
    let parts = Parts {
        config,
        gate,
        live,
        upstreams,
        decided: decided(config),
    };
    let mut routes = Vec::new();
    for plan in config.routes() {
        // A route that is left out would leave its requests to a wider one.
        let service = parts.route(&plan).ok_or_else(|| {
            InvalidSetting::new("upstream", "the name of an upstream of the configuration")
        })?;
        routes.push((plan.matching, service));
    }
    Ok(Routing::new(routes))
}

/// What a body may fail with.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The fields that decide where requests go and who asks: all that routes are found by, and the one
/// that may hold a key.
fn decided(config: &Config) -> Arc<[HeaderName]> {
    let plans = config.routes();
    let conditions = plans.iter().flat_map(|plan| &plan.matching.headers);
    let conditions = conditions.map(|condition| condition.name.clone());
    conditions.chain(config.credential_header.clone()).collect()
}

/// What routes are made of.
struct Parts<'a> {
    config: &'a Config,
    gate: &'a Gatekeeper,
    live: &'a LiveStreams,
    upstreams: &'a Upstreams,
    /// What no trailer may say again.
    decided: Arc<[HeaderName]>,
}

impl Parts<'_> {
    /// What stands behind a route: the same for all of its methods, but for those that ask for
    /// more of a key. Nothing where its upstream is none, which no configuration has.
    fn route(&self, plan: &RoutePlan) -> Option<RouteService> {
        let by_method = self.by_method(plan)?;
        // A preflight is answered before anybody is asked for a key.
        let cors = plan.handling.cors.as_ref();
        let service = CorsDoor::new(by_method, cors, &plan.matching.methods);
        Some(EnterLayer::new(plan).layer(service))
    }

    fn by_method(&self, plan: &RoutePlan) -> Option<ByMethod<Door<LiveService<Edited<Action>>>>> {
        let Some(terms) = plan.door.terms() else {
            return Some(ByMethod::new(Vec::new(), self.service(plan, None)?));
        };
        let mut some = Vec::new();
        for (methods, requirement) in &terms.by_method {
            // What asks for more of a key asks for a key.
            let plan = RoutePlan {
                door: DoorPlan::Required(terms.clone()),
                ..plan.clone()
            };
            let service = self.service(&plan, Some(terms.guard(requirement)))?;
            some.push((methods.clone(), service));
        }
        let others = self.service(plan, Some(terms.guard(&terms.requirement)))?;
        Some(ByMethod::new(some, others))
    }

    fn service(
        &self,
        plan: &RoutePlan,
        guard: Option<GuardTerms>,
    ) -> Option<Door<LiveService<Edited<Action>>>> {
        let meta = RouteMeta {
            name: Arc::clone(&plan.name),
            guard,
            live: plan.live,
        };
        let service = ServiceBuilder::new()
            // Who is it, and may it pass? Takes the credential out, puts the grant in.
            .layer(self.door(&plan.door, meta.guard.as_ref())?)
            // It ends with its key, however long it takes.
            .layer(self.live.layer(&meta))
            // The route's own words in the answer's head.
            .layer(EditedLayer::new(&plan.handling.response))
            // The canonical path and our identity fields go upstream, nothing of the hop does.
            .service(self.action(plan, &meta)?);
        Some(service)
    }

    fn action(&self, plan: &RoutePlan, meta: &RouteMeta) -> Option<Action> {
        Some(match &plan.action {
            ActionPlan::Forward { upstream, rewrite } => {
                let kept = self.upstreams.get(upstream)?;
                let handing = Handing {
                    rewrite: rewrite.clone(),
                    terms: self.terms(&plan.handling, meta, kept.plan.host.clone()),
                    whole: plan.handling.whole,
                    upgrades: Arc::clone(&plan.handling.upgrades),
                    tunnel_idle: plan.handling.tunnel_idle,
                };
                let clock = Arc::clone(self.gate.manager().clock());
                let upstream = Arc::clone(&kept.upstream);
                Action::Forward(ToUpstream::new(meta, upstream, handing, clock))
            }
            ActionPlan::Respond(fixed) => Action::Respond(fixed.clone()),
            ActionPlan::Redirect(redirect) => Action::Redirect(redirect.clone()),
        })
    }

    fn terms(&self, handling: &HandlingPlan, meta: &RouteMeta, host: HostPolicy) -> Terms {
        Terms {
            host,
            edits: handling.request.clone(),
            body_bytes: handling.body_bytes,
            body_rate: handling.body_rate,
            times: handling.times,
            tells_rate: meta.guard.is_some(),
            tells_cors: handling.cors.is_some(),
            decided: Arc::clone(&self.decided),
        }
    }

    fn door(&self, plan: &DoorPlan, terms: Option<&GuardTerms>) -> Option<DoorLayer> {
        let header = self.config.credential_header.as_ref();
        if *plan == DoorPlan::Open {
            return Some(DoorLayer::Open(OpenDoor::new(header)));
        }
        let terms = terms?;
        let bearer = Credentials::bearer();
        let credentials = match header {
            Some(name) => bearer.or_header_name(name.clone()),
            None => bearer,
        };
        let guard = ApiKeyLayer::builder(self.gate.clone(), terms.service.clone())
            .environments(terms.environments)
            .require(terms.requirement.clone())
            .credentials(credentials);
        Some(match plan {
            DoorPlan::Optional(_) => DoorLayer::Optional(guard.optional().build()),
            _ => DoorLayer::Required(guard.build()),
        })
    }
}

type Trace<B> = TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
    fn(&Request<B>) -> Span,
    (),
    DefaultOnResponse,
    (),
    (),
    (),
>;

fn trace<B>() -> Trace<B> {
    TraceLayer::new_for_http()
        .make_span_with(span as fn(&Request<B>) -> Span)
        .on_request(())
        .on_response(
            DefaultOnResponse::new()
                .level(Level::DEBUG)
                .latency_unit(LatencyUnit::Micros),
        )
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

/// A span without the path and the fields, which may hold what is private.
fn span<B>(request: &Request<B>) -> Span {
    let id = request.extensions().get::<RequestId>();
    let trace = request.extensions().get().map(TraceContext::trace_id);
    tracing::debug_span!(
        "request",
        id = id.map(tracing::field::display),
        trace_id = trace.map(tracing::field::display),
        method = %request.method(),
        portcullis.key_id = tracing::field::Empty,
    )
}

/// The panic's own message stays in the process: it may hold anything.
pub(crate) fn answer_panic(_: Box<dyn Any + Send>) -> Response<ProxyBody> {
    tracing::error!("the gateway panicked while it answered a request");
    metrics::counter!(names::PANICS).increment(1);
    let mut response = problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed");
    response.extensions_mut().insert(Panicked);
    response
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use http::{Method, Request};
    use portcullis::scope::Permission;
    use portcullis::service::ServiceName;
    use portcullis::testing::gate_with_key;
    use tower::ServiceExt;

    use super::{Parts, decided};
    use crate::body::ProxyBody;
    use crate::config::Config;
    use crate::live::LiveStreams;
    use crate::reload::Upstreams;

    const CONFIG: &str = r#"
        [[services]]
        name = "orders"
        permissions = ["orders:read"]
        [[routes]]
        name = "keyed"
        path = "/keyed"
        service = "orders"
        by_method = { POST = ["orders:write"] }
        respond = { status = 200 }
        [[routes]]
        name = "some"
        path = "/some"
        auth = "optional"
        service = "orders"
        by_method = { POST = ["orders:write"] }
        respond = { status = 200 }
        [[routes]]
        name = "open"
        path = "/open"
        auth = "open"
        respond = { status = 200 }
    "#;

    #[tokio::test]
    async fn a_route_has_the_door_that_is_written() {
        let orders = ServiceName::from_static("orders");
        let read = Permission::from_static("orders:read");
        let (gate, token) = gate_with_key(orders, [read]).await;
        let good = format!("Bearer {}", token.expose());
        let config = Config::parse(CONFIG, Path::new("portcullis.toml")).expect("valid");
        let parts = Parts {
            config: &config,
            gate: &gate,
            live: &LiveStreams::new(gate.manager().clone()),
            upstreams: &Upstreams::default(),
            decided: decided(&config),
        };
        for (route, method, [without, bad, with]) in [
            (0, Method::GET, [401, 401, 200]),
            (0, Method::POST, [401, 401, 403]),
            (1, Method::GET, [200, 401, 200]),
            (1, Method::POST, [401, 401, 403]),
            (2, Method::GET, [200, 200, 200]),
        ] {
            let plan = &config.routes()[route];
            for (credential, status) in [
                (None, without),
                (Some("Bearer bad"), bad),
                (Some(good.as_str()), with),
            ] {
                let mut request = Request::builder().method(&method);
                if let Some(credential) = credential {
                    request = request.header("authorization", credential);
                }
                let request = request.body(ProxyBody::empty()).expect("a request");
                let service = parts.route(plan).expect("a route");
                let response = service.oneshot(request).await.expect("infallible");
                let name = &plan.name;
                assert_eq!(response.status(), status, "{name} {method} {credential:?}");
            }
        }
    }
}
