use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use metrics::{Counter, Histogram};
use portcullis::Grant;
use portcullis::clock::Clock;
use portcullis::service::ServiceName;
use tower::Service;

use crate::body::ProxyBody;
use crate::forward::{Forward, Passage};
use crate::headers::identity::{self, Identity};
use crate::path::CanonicalPath;
use crate::problem;
use crate::server::PeerAddr;
use crate::upstream::Upstream;

/// Sends on what the guard let pass, with the identity of the key that it granted.
///
/// A request without a [`Grant`] has not been guarded: it goes nowhere.
#[derive(Debug, Clone)]
pub(crate) struct ToUpstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    forward: Forward,
    clock: Arc<dyn Clock>,
    answered: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl ToUpstream {
    /// To the upstream of `service`. Its counters go to the recorder that is installed now.
    pub(crate) fn new(
        service: &ServiceName,
        upstream: Arc<dyn Upstream>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let requests = |outcome: &'static str| {
            let service = service.to_string();
            metrics::counter!(
                "portcullis_upstream_requests_total", "service" => service, "outcome" => outcome
            )
        };
        let seconds = metrics::histogram!(
            "portcullis_upstream_duration_seconds", "service" => service.to_string()
        );
        let shared = Shared {
            forward: Forward::new(upstream),
            clock,
            answered: requests("answered"),
            failed: requests("failed"),
            seconds,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Shared {
    async fn send<B>(&self, mut request: Request<B>) -> Response<ProxyBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(passage) = passage(&mut request) else {
            tracing::error!("a request came to an upstream without having been guarded");
            return problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured");
        };
        let since = self.clock.now();
        match self.forward.send(request, passage).await {
            Ok(response) => {
                self.answered.increment(1);
                let nanos = self
                    .clock
                    .now()
                    .monotonic()
                    .saturating_sub(since.monotonic());
                self.seconds
                    .record(Duration::from_nanos(nanos).as_secs_f64());
                response
            }
            Err(error) => {
                self.failed.increment(1);
                let cause = Error::source(&error).map(tracing::field::display);
                tracing::warn!(%error, cause, "no answer from the upstream");
                problem::of_upstream(&error)
            }
        }
    }
}

/// What was found out about a guarded request; nothing where it was not guarded.
fn passage<B>(request: &mut Request<B>) -> Option<Passage> {
    let extensions = request.extensions_mut();
    let grant: Grant = extensions.remove()?;
    let path: CanonicalPath = extensions.remove()?;
    let peer = extensions.get::<PeerAddr>().map(|peer| peer.0);
    Some(Passage {
        path,
        peer,
        identity: identity_of(&grant),
    })
}

fn identity_of(grant: &Grant) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(5);
    let identity = Identity {
        key_id: &grant.key_id().to_string(),
        owner: grant.owner().as_str(),
        service: grant.service().as_str(),
        environment: grant.environment().as_str(),
        scopes: &grant.scopes().to_string(),
    };
    identity::set(&mut headers, &identity);
    headers
}

impl<B> Service<Request<B>> for ToUpstream
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ProxyBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ProxyBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.send(request).await) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;
    use portcullis::clock::SystemClock;
    use portcullis::service::ServiceName;
    use tower::ServiceExt;

    use super::ToUpstream;
    use crate::body::ProxyBody;
    use crate::upstream::{Upstream, UpstreamFuture};

    struct Unreachable;

    impl Upstream for Unreachable {
        fn name(&self) -> &str {
            "unreachable"
        }

        fn send(&self, _: Request<ProxyBody>) -> UpstreamFuture {
            panic!("a request without a grant reached the upstream");
        }
    }

    #[tokio::test]
    async fn a_request_that_was_not_guarded_goes_nowhere() {
        let service = ServiceName::from_static("orders");
        let to = ToUpstream::new(
            &service,
            Arc::new(Unreachable),
            Arc::new(SystemClock::new()),
        );
        let response = to
            .oneshot(Request::new(ProxyBody::empty()))
            .await
            .expect("infallible");
        assert_eq!(response.status(), 500);
    }
}
