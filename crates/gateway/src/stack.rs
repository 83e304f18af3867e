//! The whole way of a request, from the server to the upstream and back, as one list.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body::Body;
use portcullis::credential::Credentials;
use portcullis::{ApiKeyLayer, Gatekeeper};
use tower::{Service, ServiceBuilder};
use tower_http::LatencyUnit;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use crate::body::ProxyBody;
use crate::config::{Config, ServiceConfig};
use crate::headers::request_id::RequestId;
use crate::problem;
use crate::route::{Matching, PathPattern, Router, Routing, ToUpstream};
use crate::server::RequestBody;
use crate::setting::InvalidSetting;
use crate::stamp::StampLayer;
use crate::upstream::HttpUpstream;

/// Builds the stack. Top to bottom is the way of a request; its answer goes back up.
///
/// # Errors
///
/// [`InvalidSetting`] for an upstream's setting out of range.
pub(crate) fn stack(
    config: &Config,
    gate: &Gatekeeper,
) -> Result<
    impl Service<
        Request<RequestBody>,
        Response = Response<impl Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + 'static,
    InvalidSetting,
> {
    let mut routes = Vec::new();
    for service in &config.services {
        let upstream = HttpUpstream::new(service.name.as_str(), service.upstream.clone())?;
        let clock = Arc::clone(gate.manager().clock());
        let guarded = ServiceBuilder::new()
            // Who is it, and may it pass? Takes the credential out, puts the grant in.
            .layer(guard(config, service, gate))
            // The canonical path and our identity fields go upstream, nothing of the hop does.
            .service(ToUpstream::new(&service.name, Arc::new(upstream), clock));
        routes.push((
            Matching::all_below(PathPattern::from(&service.prefix)),
            guarded,
        ));
    }
    Ok(ServiceBuilder::new()
        // Every request has an id, every response the id of its request.
        .layer(StampLayer)
        // One span for all that is logged of a request.
        .layer(trace())
        // A fault of ours is answered with 500, and costs nobody else anything.
        .layer(CatchPanicLayer::custom(answer_panic))
        // What can be read in two ways is refused; host, canonical path and method find the route.
        .service(Router::new(
            Arc::new(Routing::new(routes)),
            config.max_path_length,
        )))
}

/// What a body may fail with.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn guard(config: &Config, service: &ServiceConfig, gate: &Gatekeeper) -> ApiKeyLayer {
    let bearer = Credentials::bearer();
    let credentials = match &config.credential_header {
        Some(name) => bearer.or_header_name(name.clone()),
        None => bearer,
    };
    ApiKeyLayer::builder(gate.clone(), service.name.clone())
        .environments(service.environments())
        .require(service.requirement.clone())
        .credentials(credentials)
        .build()
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
    tracing::debug_span!(
        "request",
        id = request.extensions().get::<RequestId>().map(tracing::field::display),
        method = %request.method(),
        portcullis.key_id = tracing::field::Empty,
    )
}

/// The panic's own message stays in the process: it may hold anything.
fn answer_panic(_: Box<dyn Any + Send>) -> Response<ProxyBody> {
    tracing::error!("the gateway panicked while it answered a request");
    metrics::counter!("portcullis_panics_total").increment(1);
    problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed")
}
