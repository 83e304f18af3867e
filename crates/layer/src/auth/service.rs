use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;

use super::ResponseFuture;
use super::guard::{Examined, Guard};
use crate::body::Body;
use crate::reject::Dialect;

/// What [`ApiKeyLayer`](super::ApiKeyLayer) puts around a service.
#[derive(Debug, Clone)]
pub struct ApiKey<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S> ApiKey<S> {
    pub(super) fn new(inner: S, guard: Arc<Guard>) -> Self {
        Self { inner, guard }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ApiKey<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match self.guard.examine(&parts) {
            Examined::Decided(Ok(admission)) => {
                let allowance = self.guard.admit(&mut parts, admission);
                let answer = self.inner.call(Request::from_parts(parts, body));
                ResponseFuture::forwarding(answer, allowance, Arc::clone(&self.guard))
            }
            Examined::Decided(Err(refusal)) => {
                let dialect = Dialect::of(&parts.headers);
                ResponseFuture::refused(refusal, dialect, Arc::clone(&self.guard))
            }
            Examined::Anonymous => {
                self.guard.admit_anonymous(&mut parts);
                let answer = self.inner.call(Request::from_parts(parts, body));
                ResponseFuture::forwarding(answer, None, Arc::clone(&self.guard))
            }
            Examined::Pending(lookup) => {
                // `poll_ready` made this very service ready, and a clone of it
                // need not be: the ready one goes with the request, its clone
                // stays to be made ready for the next.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let request = Request::from_parts(parts, body);
                ResponseFuture::looking_up(lookup, ready, request, Arc::clone(&self.guard))
            }
        }
    }
}
