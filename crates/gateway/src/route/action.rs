use std::convert::Infallible;
use std::error::Error;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response, StatusCode};
use http_body::Body;
use tower::Service;

use super::{FixedResponse, Redirect, ToUpstream};
use crate::body::ProxyBody;
use crate::path::CanonicalPath;
use crate::problem;

/// What a route does with the requests that its door let pass.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Forward(ToUpstream),
    Respond(FixedResponse),
    Redirect(Redirect),
}

impl<B> Service<Request<B>> for Action
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ProxyBody>;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response<ProxyBody>, Infallible>>,
        <ToUpstream as Service<Request<B>>>::Future,
    >;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let response = match self {
            Self::Forward(to) => return Either::Right(to.call(request)),
            Self::Respond(fixed) => fixed.respond(),
            Self::Redirect(redirect) => match request.extensions().get::<CanonicalPath>() {
                Some(path) => redirect.respond(path),
                None => problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured"),
            },
        };
        Either::Left(ready(Ok(response)))
    }
}
