use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use futures_util::future::{Either, Ready, ready};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::metrics::RefusalMetrics;
use super::{Found, RequestHost, Routing};
use crate::body::ProxyBody;
use crate::headers::host::AskedHost;
use crate::path::{CanonicalPath, PathErrorKind};
use crate::problem;
use crate::server::{HeadFault, check_request};

/// Refuses what can be read in two ways, makes the one host and the one canonical path, and hands
/// the request to the route that owns it.
#[derive(Debug)]
pub(crate) struct Router<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    current: ArcSwap<Current<S>>,
    metrics: RefusalMetrics,
}

/// What counts for requests that come now.
#[derive(Debug)]
struct Current<S> {
    routing: Arc<Routing<S>>,
    max_path_length: usize,
}

/// A request that goes nowhere: the answer, and its reason for the log.
struct Refused {
    status: StatusCode,
    detail: String,
    allow: Option<HeaderValue>,
}

impl<S> Router<S> {
    /// Its counters go to the recorder that is installed now.
    pub(crate) fn new(routing: Arc<Routing<S>>, max_path_length: usize) -> Self {
        let current = Current {
            routing,
            max_path_length,
        };
        let shared = Shared {
            current: ArcSwap::from_pointee(current),
            metrics: RefusalMetrics::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// From now on requests go by this routing, on all clones. Those that have found their route
    /// keep it to their end.
    pub(crate) fn replace(&self, routing: Arc<Routing<S>>, max_path_length: usize) {
        let current = Current {
            routing,
            max_path_length,
        };
        self.shared.current.store(Arc::new(current));
    }
}

impl<S> Shared<S> {
    /// The route that owns a request, with its path in the extensions. One look at what counts now
    /// is all that a request ever takes.
    fn route(&self, parts: &mut Parts) -> Result<S, Refused>
    where
        S: Clone,
    {
        // It stands in the place of what was no request: nothing of it may go anywhere.
        if let Some(fault) = parts.extensions.remove::<HeadFault>() {
            self.metrics.faulty(fault);
            return Err(Refused::new(fault.status(), fault));
        }
        self.current.load().route(parts).cloned()
    }
}

impl<S> Current<S> {
    /// The path of a request that can be read in one way only.
    fn examine(&self, parts: &Parts) -> Result<CanonicalPath, Refused> {
        check_request(parts).map_err(|problem| Refused::new(problem.status(), problem))?;
        CanonicalPath::within(&parts.uri, self.max_path_length).map_err(|error| {
            let status = match error.kind() {
                PathErrorKind::TooLong => StatusCode::URI_TOO_LONG,
                _ => StatusCode::BAD_REQUEST,
            };
            Refused::new(status, error)
        })
    }

    fn route(&self, parts: &mut Parts) -> Result<&S, Refused> {
        let path = self.examine(parts)?;
        let (route, host) = self.find(parts, &path)?;
        if let Some(host) = host {
            parts.extensions.insert(host);
        }
        parts.extensions.insert(path);
        Ok(route)
    }

    fn find(
        &self,
        parts: &Parts,
        path: &CanonicalPath,
    ) -> Result<(&S, Option<AskedHost>), Refused> {
        let host = RequestHost::of(parts)
            .map_err(|problem| Refused::new(StatusCode::BAD_REQUEST, problem))?;
        let (status, detail) = match self.routing.find(
            host.as_ref(),
            path,
            &parts.method,
            &parts.headers,
        ) {
            Found::Route(route) => return Ok((route, host.as_ref().map(RequestHost::asked))),
            Found::Nowhere => (StatusCode::NOT_FOUND, "no route fits this host and path"),
            Found::Condition => (StatusCode::NOT_FOUND, "no route fits this request's fields"),
            Found::Unclear => (
                StatusCode::BAD_REQUEST,
                "the path, or a field that routes are told apart by, can be read in several ways",
            ),
            Found::Method(allow) => {
                let detail = "no route of this path answers this method";
                let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, detail);
                return Err(refused.allowing(allow));
            }
        };
        Err(Refused::new(status, detail))
    }
}

impl Refused {
    fn new(status: StatusCode, reason: impl fmt::Display) -> Self {
        Self {
            status,
            detail: reason.to_string(),
            allow: None,
        }
    }

    fn allowing(self, methods: &HeaderValue) -> Self {
        Self {
            allow: Some(methods.clone()),
            ..self
        }
    }

    fn respond(&self) -> Response<portcullis::Body<ProxyBody>> {
        tracing::debug!(
            status = self.status.as_u16(),
            reason = self.detail,
            "request refused"
        );
        let mut response = problem::respond(self.status, &self.detail);
        if let Some(methods) = &self.allow {
            response.headers_mut().insert(ALLOW, methods.clone());
        }
        response.map(portcullis::Body::inner)
    }
}

impl<S, B> Service<Request<B>> for Router<S>
where
    S: Service<Request<B>, Response = Response<portcullis::Body<ProxyBody>>, Error = Infallible>
        + Clone,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<S::Response, Infallible>>, Oneshot<S, Request<B>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match self.shared.route(&mut parts) {
            Ok(route) => Either::Right(route.oneshot(Request::from_parts(parts, body))),
            Err(refused) => {
                self.shared.metrics.refused(refused.status);
                Either::Left(ready(Ok(refused.respond())))
            }
        }
    }
}

impl<S> Clone for Router<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}
