use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::progress::Watched;
use super::socket::{Heard, Socket};
use crate::body::{IdleTimeout, ProxyBody};
use crate::tls::{Stream, TlsFault};

/// A request's body on its way to the upstream.
pub(super) type RequestBody = Watched<IdleTimeout<ProxyBody>>;

/// An open connection. Dropping it ends whatever is on it, at once: the request's body, the
/// socket, and the task that moves bytes between the two.
#[derive(Debug)]
pub(super) struct Connection {
    requests: SendRequest<RequestBody>,
    heard: Arc<Heard>,
    /// hyper ends by itself on most of what can happen, but not while it waits for a body or for
    /// an upstream that does not read.
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    pub(super) async fn open(stream: Stream, http: &Builder) -> hyper::Result<Self> {
        let heard = Arc::new(Heard::default());
        let proves_its_end = matches!(stream, Stream::Tls(_));
        let socket = Socket::new(stream, Arc::clone(&heard));
        let socket = match proves_its_end {
            true => socket.with_proven_end(),
            false => socket,
        };
        let (requests, driver) = http.handshake(TokioIo::new(socket)).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                // Upstreams that close kept connections, or say more than they were asked.
                tracing::debug!(%error, "a connection to an upstream ended early");
            }
        });
        Ok(Self {
            requests,
            heard,
            _driver: AbortOnDropHandle::new(driver),
        })
    }

    /// The same for a request that changes its protocol: the connection says itself how that goes
    /// on, also where it takes nothing more.
    pub(super) async fn open_alone(stream: Stream, http: &Builder) -> hyper::Result<Self> {
        let (requests, driver) = http.handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.with_upgrades().await {
                tracing::debug!(%error, "a connection to an upstream ended early");
            }
        });
        Ok(Self {
            requests,
            heard: Arc::default(),
            _driver: AbortOnDropHandle::new(driver),
        })
    }

    /// Sends a request. It comes back with the error where nothing of it was sent.
    pub(super) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<>
    {
        self.heard.forget();
        self.requests.try_send_request(request)
    }

    /// Whether anything of an answer has come to the last request.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.anything()
    }

    /// Why the upstream does not trust us, if that is what it said.
    pub(super) fn distrust(&self) -> Option<TlsFault> {
        self.heard.distrust()
    }

    /// Whether nothing can be sent on it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Whether the last exchange is over on both sides, and the next may begin.
    pub(super) fn is_ready(&self) -> bool {
        self.requests.is_ready()
    }

    /// Waits until the next exchange may begin. Says whether it ever will.
    pub(super) async fn ready(&mut self) -> bool {
        self.requests.ready().await.is_ok()
    }
}
