use std::task::{Context, Poll};

use http::Request;
use tower::Service;

use super::{ClientAddr, TrustedProxies};

/// What [`TrustedProxies`] puts around a service.
#[derive(Debug, Clone)]
pub struct TrustedProxiesService<S> {
    inner: S,
    proxies: TrustedProxies,
}

impl<S> TrustedProxiesService<S> {
    pub(super) const fn new(inner: S, proxies: TrustedProxies) -> Self {
        Self { inner, proxies }
    }
}

impl<S, ReqBody> Service<Request<ReqBody>> for TrustedProxiesService<S>
where
    S: Service<Request<ReqBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> S::Future {
        if let Some(peer) = ClientAddr::of(request.extensions()) {
            let client = self.proxies.client(peer, request.headers());
            request.extensions_mut().insert(ClientAddr(client));
        }
        self.inner.call(request)
    }
}
