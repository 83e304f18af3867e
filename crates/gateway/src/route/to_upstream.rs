use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use portcullis::Grant;
use portcullis::clock::Clock;
use portcullis::key::KeyId;
use portcullis::service::ServiceName;
use tower::Service;

use super::metrics::UpstreamMetrics;
use crate::body::{BodyError, BodySource, Observed, ProxyBody};
use crate::forward::{Forward, Passage};
use crate::headers::identity::{self, Identity};
use crate::headers::request_id::RequestId;
use crate::path::CanonicalPath;
use crate::problem;
use crate::server::PeerAddr;
use crate::telemetry::Causes;
use crate::upstream::{Upstream, UpstreamError};

/// Sends on what the guard let pass, with the identity of the key that it granted.
///
/// A request without a [`Grant`] has not been guarded: it goes nowhere.
#[derive(Debug, Clone)]
pub(crate) struct ToUpstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    service: ServiceName,
    forward: Forward,
    clock: Arc<dyn Clock>,
    metrics: UpstreamMetrics,
}

/// Which request it is, for the log: a span is not always there.
#[derive(Debug, Clone, Copy)]
struct Subject {
    request_id: Option<RequestId>,
    key_id: KeyId,
}

impl ToUpstream {
    /// To the upstream of `service`. Its counters go to the recorder that is installed now.
    pub(crate) fn new(
        service: &ServiceName,
        upstream: Arc<dyn Upstream>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Shared {
            service: service.clone(),
            forward: Forward::new(upstream),
            clock,
            metrics: UpstreamMetrics::new(service),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Shared {
    async fn send<B>(self: Arc<Self>, mut request: Request<B>) -> Response<ProxyBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let request_id = request.extensions().get::<RequestId>().copied();
        let Some((passage, key_id)) = passage(&mut request) else {
            tracing::error!("a request came to an upstream without having been guarded");
            return problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured");
        };
        let subject = Subject { request_id, key_id };
        let since = self.clock.now().monotonic();
        let sent = self.forward.send(request, passage).await;
        let nanos = self.clock.now().monotonic().saturating_sub(since);
        self.metrics
            .seconds
            .record(Duration::from_nanos(nanos).as_secs_f64());
        match sent {
            Ok(response) => {
                self.metrics.answered.increment(1);
                response.map(|body| {
                    let tell = move |error: &BodyError| self.answer_broke(error, subject);
                    ProxyBody::of(Observed::new(body, tell))
                })
            }
            Err(error) => {
                self.failed(&error, subject);
                problem::of_upstream(&error)
            }
        }
    }

    /// Tells of a request without an answer. What its client did not finish is no news to whoever
    /// runs the upstream.
    fn failed(&self, error: &UpstreamError, subject: Subject) {
        self.metrics.failed(error.kind());
        let service = &self.service;
        let Subject { request_id, key_id } = subject;
        let request_id = request_id.map(tracing::field::display);
        let error_chain = Causes(error);
        if error.kind().is_of_client() {
            tracing::debug!(
                %service, request_id, %key_id, error = %error_chain,
                "the request's body did not come to its end"
            );
        } else {
            tracing::warn!(
                %service, request_id, %key_id, error = %error_chain,
                "no answer from the upstream"
            );
        }
    }

    /// Tells of an answer that began and did not come to its end.
    fn answer_broke(&self, error: &BodyError, subject: Subject) {
        if error.from() == BodySource::Client {
            return;
        }
        self.metrics.body_failed(error.kind());
        let Subject { request_id, key_id } = subject;
        tracing::warn!(
            service = %self.service,
            request_id = request_id.map(tracing::field::display),
            %key_id,
            error = %Causes(error),
            "the upstream's answer did not come to its end"
        );
    }
}

/// What was found out about a guarded request, and by which key; nothing where it was not guarded.
fn passage<B>(request: &mut Request<B>) -> Option<(Passage, KeyId)> {
    let extensions = request.extensions_mut();
    let grant: Grant = extensions.remove()?;
    let path: CanonicalPath = extensions.remove()?;
    let peer = extensions.get::<PeerAddr>().map(|peer| peer.0);
    let passage = Passage {
        path,
        peer,
        identity: identity_of(&grant),
    };
    Some((passage, grant.key_id()))
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
