use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use portcullis::Grant;
use portcullis::clock::Clock;
use portcullis::key::KeyId;
use portcullis::reject::Dialect;
use portcullis::service::ServiceName;
use tokio::time::{Instant, timeout_at};
use tower::Service;

use super::meta::RouteMeta;
use super::metrics::UpstreamMetrics;
use super::{Passed, PathRewrite};
use crate::access::Notes;
use crate::body::{BodyError, BodySource, Observed, Parting, ProxyBody, Whole};
use crate::forward::{Forward, Passage, Terms};
use crate::headers::host::AskedHost;
use crate::headers::identity::{Identity, IdentityFields};
use crate::headers::origin::Origin;
use crate::headers::request_id::RequestId;
use crate::headers::upgrade::{self, BadUpgrade, Protocol};
use crate::path::CanonicalPath;
use crate::problem;
use crate::server::{Lifeline, PeerAddr};
use crate::telemetry::Causes;
use crate::tunnel::{AskedUpgrade, Switched, TunnelBody, TunnelIdle};
use crate::upstream::{Upstream, UpstreamError, UpstreamErrorKind};

/// Sends on what the route's door let pass, with the identity of the key that it granted, if any.
///
/// A request that has not [`Passed`] one goes nowhere.
#[derive(Debug, Clone)]
pub(crate) struct ToUpstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The route's name.
    route: Arc<str>,
    /// The service whose keys it asks for.
    service: Option<ServiceName>,
    forward: Forward,
    rewrite: PathRewrite,
    whole: Option<Duration>,
    upgrades: Arc<[Protocol]>,
    tunnel_idle: TunnelIdle,
    clock: Arc<dyn Clock>,
    metrics: UpstreamMetrics,
}

/// How a route hands its requests on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handing {
    pub(crate) rewrite: PathRewrite,
    pub(crate) terms: Terms,
    /// The longest that an exchange may take, from the request to the end of its answer.
    pub(crate) whole: Option<Duration>,
    /// The protocols that requests may change to.
    pub(crate) upgrades: Arc<[Protocol]>,
    pub(crate) tunnel_idle: TunnelIdle,
}

/// Why a request cannot be handed on.
enum Unfit {
    /// It came past all doors.
    Unguarded,
    /// Its path cannot be rewritten.
    Path,
}

/// Which request it is, for the log: a span is not always there.
#[derive(Debug, Clone, Copy)]
struct Subject {
    request_id: Option<RequestId>,
    key_id: Option<KeyId>,
}

impl ToUpstream {
    /// To the upstream of a route. Its counters go to the recorder that is installed now.
    pub(crate) fn new(
        meta: &RouteMeta,
        upstream: Arc<dyn Upstream>,
        handing: Handing,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let service = meta.guard.as_ref().map(|guard| guard.service.clone());
        let shared = Shared {
            route: Arc::clone(&meta.name),
            metrics: UpstreamMetrics::new(service.as_ref()),
            service,
            forward: Forward::on(upstream, handing.terms),
            rewrite: handing.rewrite,
            whole: handing.whole,
            upgrades: handing.upgrades,
            tunnel_idle: handing.tunnel_idle,
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

/// A request for another protocol, and what a tunnel needs of it.
struct Asked {
    field: AskedUpgrade,
    is_websocket: bool,
    lifeline: Option<Lifeline>,
    notes: Option<Notes>,
}

impl Asked {
    /// The answer whose content is the tunnel.
    fn tunnel(
        self,
        response: Response<ProxyBody>,
        switched: &Switched,
        idle: Duration,
    ) -> Response<ProxyBody> {
        let tunnel = TunnelBody::new(switched, self.is_websocket, self.lifeline, self.notes, idle);
        let Some((body, side)) = tunnel else {
            return problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured");
        };
        self.field.agree(side);
        response.map(|_| ProxyBody::of(body))
    }
}

impl Shared {
    /// The protocol that a request asks for, if the route hands it on.
    fn upgrade<B: Body>(&self, request: &mut Request<B>) -> Result<Option<Asked>, BadUpgrade> {
        let Some(field) = request.extensions_mut().remove::<AskedUpgrade>() else {
            return Ok(None);
        };
        let Some(upgrade) = upgrade::asked(request, field.said(), &self.upgrades)? else {
            return Ok(None);
        };
        let extensions = request.extensions_mut();
        let asked = Asked {
            field,
            is_websocket: upgrade.protocol.is_websocket(),
            lifeline: extensions.get().cloned(),
            notes: extensions.get().cloned(),
        };
        extensions.insert(upgrade);
        Ok(Some(asked))
    }

    async fn send<B>(self: Arc<Self>, mut request: Request<B>) -> Response<ProxyBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let ends_at = self.whole.map(|whole| Instant::now() + whole);
        let dialect = Dialect::of(request.headers());
        // HTTP/1.1 may leave trailers out, and what it ends with them would look whole.
        let may_have_trailers = dialect == Dialect::Grpc && request.version() == Version::HTTP_2;
        let request_id = request.extensions().get::<RequestId>().copied();
        let (passage, key_id) = match self.passage(&mut request) {
            Ok(passage) => passage,
            Err(unfit) => return self.refuse(unfit),
        };
        let asked = match self.upgrade(&mut request) {
            Ok(asked) => asked,
            Err(bad) => return bad_upgrade(bad),
        };
        let subject = Subject { request_id, key_id };
        let notes = request.extensions().get::<Notes>().cloned();
        let since = self.clock.monotonic();
        if let Some(notes) = &notes {
            notes.sent(since);
        }
        let sent = self.exchange(request, passage, ends_at).await;
        let until = self.clock.monotonic();
        if let Some(notes) = &notes {
            notes.answered(until);
        }
        let nanos = until.saturating_sub(since);
        self.metrics
            .seconds
            .record(Duration::from_nanos(nanos).as_secs_f64());
        match sent {
            Ok(mut response) => {
                self.metrics.answered.increment(1);
                if let Some(asked) = asked
                    && let Some(switched) = response.extensions_mut().remove::<Switched>()
                {
                    return asked.tunnel(response, &switched, self.tunnel_idle.0);
                }
                // A page in its place looks whole with any trailers.
                let has_trailers =
                    may_have_trailers && Dialect::of(response.headers()) == Dialect::Grpc;
                response.map(|body| {
                    let body = match ends_at {
                        Some(ends_at) => ProxyBody::of(Whole::new(body, ends_at)),
                        None => body,
                    };
                    let shared = Arc::clone(&self);
                    let tell = move |error: &BodyError| shared.answer_broke(error, subject);
                    let body = ProxyBody::of(Observed::new(body, tell));
                    match ends_at.is_some() && has_trailers {
                        true => {
                            let last = move || self.overdue_trailers(notes.as_ref());
                            ProxyBody::of(Parting::new(body, last))
                        }
                        false => body,
                    }
                })
            }
            Err(error) => {
                self.failed(&error, subject);
                problem::of_upstream(&error, dialect)
            }
        }
    }

    /// Sends a request, and waits for the head of its answer no longer than the exchange may take.
    async fn exchange<B>(
        &self,
        request: Request<B>,
        passage: Passage,
        ends_at: Option<Instant>,
    ) -> Result<Response<ProxyBody>, UpstreamError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let sending = self.forward.send(request, passage);
        let Some(ends_at) = ends_at else {
            return sending.await;
        };
        let sent = timeout_at(ends_at, sending).await;
        sent.unwrap_or_else(|_| Err(self.overdue()))
    }

    fn overdue(&self) -> UpstreamError {
        let name = self.forward.upstream().into();
        UpstreamError::new(UpstreamErrorKind::Overdue, name)
    }

    /// The end of an answer in gRPC whose time is over.
    fn overdue_trailers(&self, notes: Option<&Notes>) -> HeaderMap {
        if let Some(notes) = notes {
            notes.overdue();
        }
        problem::grpc_trailers(&self.overdue())
    }

    /// What was found out about a request that came through a door, and by which key.
    fn passage<B>(&self, request: &mut Request<B>) -> Result<(Passage, Option<KeyId>), Unfit> {
        let extensions = request.extensions_mut();
        let passed: Passed = extensions.remove().ok_or(Unfit::Unguarded)?;
        let path: CanonicalPath = extensions.remove().ok_or(Unfit::Unguarded)?;
        let peer = || extensions.get::<PeerAddr>().map(|peer| peer.0);
        let origin = extensions.get::<Origin>().cloned();
        let passage = Passage {
            path: self.rewrite.of(path).ok_or(Unfit::Path)?,
            origin: origin.unwrap_or_else(|| Origin::of_peer(peer())),
            host: extensions.remove::<AskedHost>(),
            identity: passed.grant().map(identity_of),
        };
        Ok((passage, passed.grant().map(Grant::key_id)))
    }

    fn refuse(&self, unfit: Unfit) -> Response<ProxyBody> {
        match unfit {
            Unfit::Unguarded => {
                tracing::error!(route = %self.route, "a request came to an upstream past all doors");
                problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured")
            }
            Unfit::Path => {
                tracing::debug!(route = %self.route, "a path that cannot be rewritten");
                problem::respond(StatusCode::BAD_REQUEST, "the path cannot be handed on")
            }
        }
    }

    /// Tells of a request without an answer. What its client did not finish is no news to whoever
    /// runs the upstream.
    fn failed(&self, error: &UpstreamError, subject: Subject) {
        self.metrics.failed(error.kind());
        let (route, service) = (
            &self.route,
            self.service.as_ref().map(tracing::field::display),
        );
        let request_id = subject.request_id.map(tracing::field::display);
        let key_id = subject.key_id.map(tracing::field::display);
        let error_chain = Causes(error);
        if error.kind().is_of_client() {
            tracing::debug!(
                %route, service, request_id, key_id, error = %error_chain,
                "the request's body did not come to its end"
            );
        } else {
            tracing::warn!(
                %route, service, request_id, key_id, error = %error_chain,
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
        tracing::warn!(
            route = %self.route,
            service = self.service.as_ref().map(tracing::field::display),
            request_id = subject.request_id.map(tracing::field::display),
            key_id = subject.key_id.map(tracing::field::display),
            error = %Causes(error),
            "the upstream's answer did not come to its end"
        );
    }
}

fn bad_upgrade(bad: BadUpgrade) -> Response<ProxyBody> {
    if bad != BadUpgrade::Version {
        return problem::respond(StatusCode::BAD_REQUEST, &bad.to_string());
    }
    // RFC 6455 section 4.4, RFC 9110 section 15.5.22.
    let mut response = problem::respond(StatusCode::UPGRADE_REQUIRED, &bad.to_string());
    let headers = response.headers_mut();
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

fn identity_of(grant: &Grant) -> IdentityFields {
    IdentityFields::new(&Identity {
        key_id: &grant.key_id().to_string(),
        owner: grant.owner().as_str(),
        service: grant.service().as_str(),
        environment: grant.environment().as_str(),
        scopes: &grant.scopes().to_string(),
    })
}

impl<B> Service<Request<B>> for ToUpstream
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
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
