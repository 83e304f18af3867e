use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::sleep_until;

use super::connector::Connector;
use super::progress::{Progress, Watched};
use super::{Upstream, UpstreamConfig, UpstreamError, UpstreamErrorKind, UpstreamFuture};
use crate::body::{BodySource, IdleTimeout, ProxyBody};
use crate::setting::InvalidSetting;

/// An upstream that speaks HTTP/1.1 in the clear, with a pool of kept connections.
///
/// Cheap to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct HttpUpstream {
    name: Arc<str>,
    config: Arc<UpstreamConfig>,
    host: HeaderValue,
    client: Client<Connector, ProxyBody>,
}

impl HttpUpstream {
    /// An upstream with a name, to which no connection is made yet.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] for a configuration that fails [`UpstreamConfig::check`].
    pub fn new(name: &str, config: UpstreamConfig) -> Result<Self, InvalidSetting> {
        config.check()?;
        let host = config.host()?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.max_idle)
            .set_host(false)
            .build(Connector::new(config.connect_timeout));
        Ok(Self {
            name: name.into(),
            config: Arc::new(config),
            host,
            client,
        })
    }

    /// Gives the request what only the upstream knows: its authority, twice, and its protocol.
    fn address(&self, request: &mut Request<ProxyBody>) -> Result<(), UpstreamError> {
        let mut uri = Uri::default().into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.config.authority.clone());
        uri.path_and_query = request
            .uri()
            .path_and_query()
            .cloned()
            .or_else(|| Some(PathAndQuery::from_static("/")));
        *request.uri_mut() = Uri::from_parts(uri)
            .map_err(|cause| UpstreamError::with_cause(Arc::clone(&self.name), cause))?;
        request.headers_mut().insert(HOST, self.host.clone());
        *request.version_mut() = Version::HTTP_11;
        Ok(())
    }

    async fn exchange(
        &self,
        request: Request<ProxyBody>,
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        let again = repeatable(&request);
        let response = match (self.attempt(request).await, again) {
            (Err(error), Some(again)) if error.kind() == UpstreamErrorKind::Closed => {
                tracing::debug!(
                    upstream = &*self.name,
                    "the connection was closed before an answer: once more"
                );
                self.attempt(again).await?
            }
            (outcome, _) => outcome?,
        };
        self.checked(response)
    }

    async fn attempt(
        &self,
        request: Request<ProxyBody>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let progress = Arc::new(Progress::new());
        let mut request = self.watched(request, &progress);
        let mut connection = capture_connection(&mut request);
        let mut response = self.client.request(request);
        tokio::select! {
            biased;
            outcome = &mut response => return self.outcome(outcome),
            // The connector bounds this by itself.
            _ = connection.wait_for_connection_metadata() => progress.note(),
        }
        self.answer(response, &progress, self.config.response_timeout)
            .await
    }

    async fn answer(
        &self,
        mut response: ResponseFuture,
        progress: &Progress,
        timeout: Duration,
    ) -> Result<Response<Incoming>, UpstreamError> {
        loop {
            let silent_at = progress.silent_at(timeout);
            tokio::select! {
                biased;
                outcome = &mut response => return self.outcome(outcome),
                () = sleep_until(silent_at) => {}
            }
            if progress.silent_at(timeout) <= silent_at {
                let name = Arc::clone(&self.name);
                return Err(UpstreamError::new(UpstreamErrorKind::ResponseTimeout, name));
            }
        }
    }

    fn watched(&self, request: Request<ProxyBody>, progress: &Arc<Progress>) -> Request<ProxyBody> {
        request.map(|body| {
            let timed = IdleTimeout::new(body, self.config.body_timeout, BodySource::Client);
            ProxyBody::of(Watched::new(timed, Arc::clone(progress)))
        })
    }

    fn outcome(
        &self,
        outcome: Result<Response<Incoming>, hyper_util::client::legacy::Error>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        outcome.map_err(|cause| UpstreamError::with_cause(Arc::clone(&self.name), cause))
    }

    /// Lets a response pass that can be handed on: hyper takes off no transfer coding but chunked,
    /// and nobody asked for an upgrade.
    fn checked(&self, response: Response<Incoming>) -> Result<Response<ProxyBody>, UpstreamError> {
        let coded = response
            .headers()
            .get_all(TRANSFER_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        if coded || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let name = Arc::clone(&self.name);
            return Err(UpstreamError::new(UpstreamErrorKind::Protocol, name));
        }
        Ok(response.map(|body| {
            ProxyBody::of(IdleTimeout::new(
                body,
                self.config.body_timeout,
                BodySource::Upstream,
            ))
        }))
    }
}

impl Upstream for HttpUpstream {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&self, mut request: Request<ProxyBody>) -> UpstreamFuture {
        let upstream = self.clone();
        Box::pin(async move {
            upstream.address(&mut request)?;
            upstream.exchange(request).await
        })
    }
}

/// The same request once more, if sending it twice is as good as once.
fn repeatable(request: &Request<ProxyBody>) -> Option<Request<ProxyBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(ProxyBody::empty());
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    Some(again)
}
