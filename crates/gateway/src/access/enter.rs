use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use portcullis::ClientAddr;
use portcullis::service::ServiceName;
use tower::{Layer, Service};

use super::Notes;
use super::metrics::RouteMetrics;
use crate::config::{ActionPlan, DoorPlan, RoutePlan};

/// A route as lines and histograms name it.
#[derive(Debug)]
pub(super) struct RouteSeen {
    pub(super) name: Arc<str>,
    /// Which paths it answers for.
    #[cfg(feature = "otlp")]
    pub(super) pattern: Arc<str>,
    pub(super) service: Option<ServiceName>,
    /// Where its requests are sent, if they are.
    pub(super) upstream: Option<Arc<str>>,
    /// Whether it asks for no key.
    pub(super) is_open: bool,
    pub(super) metrics: RouteMetrics,
}

/// Notes of the requests of one route that they are its.
#[derive(Debug, Clone)]
pub(crate) struct EnterLayer {
    route: Arc<RouteSeen>,
}

/// What [`EnterLayer`] puts around a service.
#[derive(Debug, Clone)]
pub(crate) struct Entered<S> {
    inner: S,
    route: Arc<RouteSeen>,
}

impl EnterLayer {
    /// Its histograms go to the recorder that is installed when they are first used.
    pub(crate) fn new(plan: &RoutePlan) -> Self {
        let service = plan.door.terms().map(|terms| terms.service.clone());
        let route = RouteSeen {
            metrics: RouteMetrics::new(
                service.as_ref().map_or("", ServiceName::as_str),
                &plan.name,
            ),
            #[cfg(feature = "otlp")]
            pattern: plan.matching.path.to_string().into(),
            name: Arc::clone(&plan.name),
            service,
            upstream: match &plan.action {
                ActionPlan::Forward { upstream, .. } => Some(Arc::clone(upstream)),
                _ => None,
            },
            is_open: plan.door == DoorPlan::Open,
        };
        Self {
            route: Arc::new(route),
        }
    }
}

impl<S> Layer<S> for EnterLayer {
    type Service = Entered<S>;

    fn layer(&self, inner: S) -> Entered<S> {
        Entered {
            inner,
            route: Arc::clone(&self.route),
        }
    }
}

impl<S, B> Service<Request<B>> for Entered<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let extensions = request.extensions();
        if let Some(notes) = extensions.get::<Notes>() {
            let client = extensions.get().map(|ClientAddr(client)| *client);
            notes.enter(&self.route, client);
        }
        self.inner.call(request)
    }
}
