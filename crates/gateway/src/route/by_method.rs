use std::task::{Context, Poll};

use http::Request;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::MethodSet;

/// One route whose methods ask for different permissions: a service for each of them, and one for
/// all others.
#[derive(Debug, Clone)]
pub(crate) struct ByMethod<S> {
    some: Vec<(MethodSet, S)>,
    others: S,
}

impl<S> ByMethod<S> {
    /// Of sets that have no method in common.
    pub(crate) fn new(some: Vec<(MethodSet, S)>, others: S) -> Self {
        Self { some, others }
    }
}

impl<S, B> Service<Request<B>> for ByMethod<S>
where
    S: Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Request<B>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut some = self.some.iter();
        let own = some.find(|(methods, _)| methods.contains(request.method()));
        let service = own.map_or(&self.others, |(_, service)| service);
        service.clone().oneshot(request)
    }
}
