use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use portcullis::ClientAddr;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::RouteTable;
use super::metrics::RefusalMetrics;
use crate::body::ProxyBody;
use crate::path::{CanonicalPath, PathErrorKind};
use crate::problem;
use crate::server::{HeadFault, PeerAddr, check_request};

/// Refuses what can be read in two ways, makes the one canonical path, and hands the request to
/// the route that owns it.
#[derive(Debug)]
pub(crate) struct Router<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    routes: RouteTable<S>,
    max_path_length: usize,
    metrics: RefusalMetrics,
}

/// A request that goes nowhere: the answer, and its reason for the log.
struct Refused {
    status: StatusCode,
    detail: String,
}

impl<S> Router<S> {
    /// Its counters go to the recorder that is installed now.
    pub(crate) fn new(routes: RouteTable<S>, max_path_length: usize) -> Self {
        let shared = Shared {
            routes,
            max_path_length,
            metrics: RefusalMetrics::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl<S> Shared<S> {
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

    /// The route that owns a request, with its path in the extensions.
    fn route(&self, parts: &mut Parts) -> Result<&S, Refused> {
        // It stands in the place of what was no request: nothing of it may go anywhere.
        if let Some(fault) = parts.extensions.remove::<HeadFault>() {
            self.metrics.faulty(fault);
            return Err(Refused::new(fault.status(), fault));
        }
        let path = self.examine(parts)?;
        let route = self.routes.find(&path).ok_or_else(|| {
            Refused::new(
                StatusCode::NOT_FOUND,
                "no service has a prefix that holds this path",
            )
        })?;
        if let Some(PeerAddr(peer)) = parts.extensions.get::<PeerAddr>() {
            let client = ClientAddr(peer.ip().to_canonical());
            parts.extensions.insert(client);
        }
        parts.extensions.insert(path);
        Ok(route)
    }
}

impl Refused {
    fn new(status: StatusCode, reason: impl fmt::Display) -> Self {
        Self {
            status,
            detail: reason.to_string(),
        }
    }

    fn respond(&self) -> Response<portcullis::Body<ProxyBody>> {
        tracing::debug!(
            status = self.status.as_u16(),
            reason = self.detail,
            "request refused"
        );
        problem::respond(self.status, &self.detail).map(portcullis::Body::inner)
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
            Ok(route) => Either::Right(route.clone().oneshot(Request::from_parts(parts, body))),
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
