use std::error::Error;
use std::pin::pin;
use std::sync::Arc;

use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use tokio::time::sleep_until;

use super::answer;
use super::connection::{Connection, RequestBody};
use super::connector::Connector;
use super::lease::{Exchange, Lease};
use super::pool::Pool;
use super::progress::{Progress, Watched};
use super::room::Room;
use super::{
    InvalidUpstream, Upstream, UpstreamConfig, UpstreamError, UpstreamErrorKind, UpstreamFuture,
};
use crate::body::{BodySource, IdleTimeout, ProxyBody};
use crate::setting::InvalidSetting;
use crate::tls::{ServerIdentity, UpstreamSecurity};

/// How often a request is sent that no connection takes any of. Each time but the first it is on a
/// connection that was opened for it.
const ATTEMPTS: usize = 3;

/// What bodies get at least to be read into, and what waits at most to be written.
const LEAST_BUFFER: usize = 64 * 1024;

/// An upstream that speaks HTTP/1.1, in the clear or in TLS, with a pool of kept connections.
///
/// Cheap to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct HttpUpstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    config: UpstreamConfig,
    host: HeaderValue,
    connector: Connector,
    http: Builder,
    pool: Arc<Pool>,
    room: Room,
}

/// The head of an answer, and the connection that the rest of it comes on.
type Answer = (Response<Incoming>, Connection);

/// A request without an answer.
struct Failed {
    error: UpstreamError,
    /// The request, where nothing of it was sent.
    unsent: Option<Box<Request<RequestBody>>>,
}

impl HttpUpstream {
    /// An upstream with a name, to which no connection is made yet.
    ///
    /// # Errors
    ///
    /// [`InvalidUpstream`] for a configuration that fails [`UpstreamConfig::check`], or names
    /// files of certificates that cannot be used.
    pub fn new(name: &str, config: UpstreamConfig) -> Result<Self, InvalidUpstream> {
        config.check()?;
        let security = security(name, &config)?;
        let shared = Shared {
            name: name.into(),
            host: config.host()?,
            connector: Connector::new(&config.authority, config.connect_timeout, security),
            http: builder(&config),
            pool: Arc::new(Pool::new(config.idle_timeout, config.max_idle)),
            room: Room::new(&config),
            config,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }
}

impl Shared {
    async fn send(
        &self,
        request: Request<ProxyBody>,
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        let seat = self.room.enter().await;
        let full = || UpstreamError::new(UpstreamErrorKind::Full, Arc::clone(&self.name));
        let seat = seat.ok_or_else(full)?;
        let method = request.method().clone();
        let progress = Arc::new(Progress::new());
        let again = repeatable(&request).map(|again| self.prepared(again, &progress));
        let request = self.prepared(request, &progress);
        let kept = self.pool.take().await;
        let delivered = self.deliver(request, kept, &progress).await;
        let (answer, connection) = match (delivered, again) {
            (Err(error), Some(again)) if error.kind() == UpstreamErrorKind::Closed => {
                tracing::debug!(
                    upstream = &*self.name,
                    "the connection was closed before an answer: once more"
                );
                let connection = self.open().await?;
                let repeated = self.attempt(connection, again, &progress).await;
                repeated.map_err(|failed| failed.error)?
            }
            (outcome, _) => outcome?,
        };
        answer::check(&method, &answer).map_err(|fault| self.error(fault))?;
        let exchange = Exchange {
            connection,
            progress,
            pool: Arc::clone(&self.pool),
            seat,
            is_reusable: answer::is_reusable(&method, &answer),
        };
        Ok(answer.map(|body| {
            let lease = Lease::new(body, exchange);
            let timeout = self.config.body_timeout;
            ProxyBody::of(IdleTimeout::new(lease, timeout, BodySource::Upstream))
        }))
    }

    /// Sends a request on a kept connection, or on a new one where there is none, or where it
    /// turns out to have been closed before anything was sent.
    async fn deliver(
        &self,
        mut request: Request<RequestBody>,
        kept: Option<Connection>,
        progress: &Progress,
    ) -> Result<Answer, UpstreamError> {
        let mut connection = match kept {
            Some(kept) => {
                tracing::trace!(upstream = &*self.name, "on a kept connection");
                kept
            }
            None => self.open().await?,
        };
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let failed = match self.attempt(connection, request, progress).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            request = match failed.unsent {
                Some(unsent) if left > 0 => *unsent,
                _ => return Err(failed.error),
            };
            tracing::debug!(
                upstream = &*self.name,
                "the connection was closed before anything was sent: another one"
            );
            connection = self.open().await?;
        }
    }

    /// Sends a request on a connection, and waits for the head of the answer.
    async fn attempt(
        &self,
        mut connection: Connection,
        request: Request<RequestBody>,
        progress: &Progress,
    ) -> Result<Answer, Failed> {
        progress.note();
        let mut answer = pin!(connection.send(request));
        let timeout = self.config.response_timeout;
        loop {
            let silent_at = progress.silent_at(timeout);
            tokio::select! {
                biased;
                outcome = &mut answer => {
                    return match outcome {
                        Ok(answer) => Ok((answer, connection)),
                        Err(mut failure) => Err(Failed {
                            unsent: failure.take_message().map(Box::new),
                            error: self.error(failure.into_error()),
                        }),
                    };
                }
                () = sleep_until(silent_at) => {}
            }
            if progress.silent_at(timeout) <= silent_at {
                let name = Arc::clone(&self.name);
                return Err(Failed {
                    error: UpstreamError::new(UpstreamErrorKind::ResponseTimeout, name),
                    unsent: None,
                });
            }
        }
    }

    async fn open(&self) -> Result<Connection, UpstreamError> {
        let connected = self.connector.connect().await;
        let stream = connected.map_err(|failure| self.error(failure))?;
        tracing::trace!(upstream = &*self.name, "a new connection");
        self.pool.sweep();
        let opened = Connection::open(stream, &self.http).await;
        opened.map_err(|error| self.error(error))
    }

    /// The request as it is sent: to a path and query, with the upstream's own authority as its
    /// host.
    fn prepared(
        &self,
        request: Request<ProxyBody>,
        progress: &Arc<Progress>,
    ) -> Request<RequestBody> {
        let mut request = request.map(|body| {
            let timed = IdleTimeout::new(body, self.config.body_timeout, BodySource::Client);
            Watched::new(timed, Arc::clone(progress))
        });
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().insert(HOST, self.host.clone());
        request
    }

    fn error(&self, cause: impl Error + Send + Sync + 'static) -> UpstreamError {
        UpstreamError::with_cause(Arc::clone(&self.name), cause)
    }
}

impl Upstream for HttpUpstream {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn send(&self, request: Request<ProxyBody>) -> UpstreamFuture {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.send(request).await })
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

/// What its connections are secured with, and who it must prove to be.
fn security(
    name: &str,
    config: &UpstreamConfig,
) -> Result<Option<(UpstreamSecurity, ServerIdentity)>, InvalidUpstream> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    let host = ServerIdentity::of(&config.authority)
        .ok_or_else(|| InvalidSetting::new("authority", "a host that a certificate can be for"))?;
    Ok(Some((UpstreamSecurity::of_upstream(tls, name)?, host)))
}

fn builder(config: &UpstreamConfig) -> Builder {
    let mut http = Builder::new();
    http.max_header_size(config.max_header_size)
        .max_buf_size(config.max_header_size.max(LEAST_BUFFER));
    http
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use http_body_util::Full;

    use super::*;
    use crate::wire::{Wire, eventually, listener};

    /// Also one that may not be sent twice.
    #[tokio::test]
    async fn request_of_which_nothing_was_sent_goes_to_another_connection() {
        let (listener, address) = listener().await;
        let config = UpstreamConfig::new(address.to_string().parse().unwrap());
        let shared = HttpUpstream::new("orders", config).unwrap().shared;
        let kept = shared.open().await.unwrap();
        drop(Wire::accept(&listener).await);
        eventually(async || kept.is_closed()).await;
        let body = ProxyBody::new(Full::new(Bytes::from_static(b"x")), BodySource::Client);
        let request = Request::builder().method(Method::POST).body(body).unwrap();
        let progress = Arc::new(Progress::new());
        let request = shared.prepared(request, &progress);
        let answering = async {
            let mut wire = Wire::accept(&listener).await;
            wire.until("\r\n\r\nx").await;
            wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        };
        let delivering = shared.deliver(request, Some(kept), &progress);
        let (delivered, ()) = tokio::join!(delivering, answering);
        let (answer, _connection) = delivered.ok().unwrap();
        assert_eq!(answer.status(), 204);
        assert!(progress.is_over());
    }
}
