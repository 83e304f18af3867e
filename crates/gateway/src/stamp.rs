//! Says of every request what all that comes later rests on: its id, its place in a trace, and from
//! where it came; and gives every response the id of its request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use http::{Request, Response};
use pin_project_lite::pin_project;
use portcullis::ClientAddr;
use tower::{Layer, Service};

use crate::headers::origin::{OriginPolicy, Origins};
use crate::headers::request_id::RequestId;
use crate::headers::trace_context::{TraceContext, TracePolicy};
use crate::server::{PeerAddr, Secured};

/// The outermost part of the stack: whatever answers, and even where it panics, the client can
/// name the request.
#[derive(Debug, Clone)]
pub(crate) struct StampLayer {
    policy: StampHandle,
}

/// By what the fields of requests are believed, which can be replaced while they come.
///
/// Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct StampHandle {
    current: Arc<ArcSwap<Policy>>,
}

#[derive(Debug)]
struct Policy {
    origins: Origins,
    trace: TracePolicy,
}

#[derive(Debug, Clone)]
pub(crate) struct Stamp<S> {
    inner: S,
    policy: StampHandle,
}

pin_project! {
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: F,
        id: RequestId,
    }
}

impl StampLayer {
    pub(crate) const fn new(policy: StampHandle) -> Self {
        Self { policy }
    }
}

impl StampHandle {
    pub(crate) fn new(origin: &OriginPolicy, trace: TracePolicy) -> Self {
        let policy = Policy::new(origin, trace);
        Self {
            current: Arc::new(ArcSwap::from_pointee(policy)),
        }
    }

    /// From here on requests are believed by this.
    pub(crate) fn replace(&self, origin: &OriginPolicy, trace: TracePolicy) {
        self.current.store(Arc::new(Policy::new(origin, trace)));
    }
}

impl Policy {
    fn new(origin: &OriginPolicy, trace: TracePolicy) -> Self {
        Self {
            origins: Origins::new(origin),
            trace,
        }
    }
}

impl<S> Stamp<S> {
    /// Reads what the fields say of the request's way before anything is put in their place.
    fn stamp<B>(&self, request: &mut Request<B>) -> RequestId {
        let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
        let is_secured = request.extensions().get::<Secured>().is_some();
        let policy = self.policy.current.load();
        let origin = policy.origins.of(peer, is_secured, request.headers());
        TraceContext::assign(request, policy.trace, origin.is_trusted());
        if let Some(client) = origin.client() {
            request.extensions_mut().insert(ClientAddr(client));
        }
        request.extensions_mut().insert(origin);
        RequestId::assign(request)
    }
}

impl<S> Layer<S> for StampLayer {
    type Service = Stamp<S>;

    fn layer(&self, inner: S) -> Stamp<S> {
        Stamp {
            inner,
            policy: self.policy.clone(),
        }
    }
}

impl<S, B, ResBody> Service<Request<B>> for Stamp<S>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = self.stamp(&mut request);
        ResponseFuture {
            inner: self.inner.call(request),
            id,
        }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        this.id.echo(&mut response);
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::*;
    use crate::headers::origin::Origin;

    fn trusting(network: &str) -> OriginPolicy {
        OriginPolicy {
            trust: vec![network.parse().unwrap()],
            ..OriginPolicy::default()
        }
    }

    #[tokio::test]
    async fn what_comes_behind_knows_the_client_that_trusted_proxies_tell() {
        let handle = StampHandle::new(&OriginPolicy::default(), TracePolicy::default());
        let service = ServiceBuilder::new()
            .layer(StampLayer::new(handle.clone()))
            .service(service_fn(async |request: Request<()>| {
                let extensions = request.extensions();
                assert!(extensions.get::<TraceContext>().is_some());
                let origin = extensions.get::<Origin>().expect("an origin");
                let client = extensions.get::<ClientAddr>().expect("a client").0;
                assert_eq!(origin.client(), Some(client));
                Ok::<_, Infallible>(Response::new(client.to_string()))
            }));
        for (trust, peer, client) in [
            ("10.0.0.0/8", "10.0.0.1:1", "203.0.113.9"),
            ("10.0.0.0/8", "[::ffff:192.0.2.1]:1", "192.0.2.1"),
            ("192.0.2.0/24", "10.0.0.1:1", "10.0.0.1"),
            ("192.0.2.0/24", "[::ffff:192.0.2.1]:1", "203.0.113.9"),
        ] {
            handle.replace(&trusting(trust), TracePolicy::default());
            let request = Request::builder().header("x-forwarded-for", "203.0.113.9");
            let mut request = request.body(()).unwrap();
            request
                .extensions_mut()
                .insert(PeerAddr(peer.parse().unwrap()));
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.body(), client);
            assert!(response.headers().contains_key("x-request-id"));
        }
    }
}
