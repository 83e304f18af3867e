use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::phase::{Part, Phase};
use super::secure::Client;
use super::tunnel::{Agreed, BoxError};
use super::{Lifeline, RequestBody};
use crate::tunnel::AskedUpgrade;

/// The user's service as one connection's hyper sees it: requests get their peer's address, and
/// the socket learns when one is being answered.
#[derive(Debug)]
pub(super) struct ConnectionService<S> {
    inner: S,
    client: Client,
    phase: Phase,
    /// How many requests the connection may have.
    most: u64,
}

pin_project! {
    /// The answer to one request.
    pub(super) struct AnswerFuture<S>
    where
        S: Service<Request<RequestBody>>,
    {
        #[pin]
        inner: Oneshot<S, Request<RequestBody>>,
        answering: Option<Part>,
        asked: Option<AskedUpgrade>,
        lifeline: Lifeline,
    }
}

pin_project! {
    /// A response's body; once it and the request's are gone the connection waits for the next
    /// request.
    pub(super) struct AnswerBody<B> {
        #[pin]
        inner: Option<B>,
        answering: Option<Part>,
    }
}

impl<S> ConnectionService<S> {
    pub(super) const fn new(inner: S, client: Client, phase: Phase, most: u64) -> Self {
        Self {
            inner,
            client,
            phase,
            most,
        }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for ConnectionService<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody<B>>;
    type Error = Infallible;
    type Future = AnswerFuture<S>;

    fn call(&self, mut request: Request<Incoming>) -> AnswerFuture<S> {
        let version = request.version();
        let (answering, sending) = self.phase.begin(version, !request.body().is_end_stream());
        if self.phase.requests() >= self.most {
            self.phase.stop();
        }
        let lifeline = self.phase.serve();
        let extensions = request.extensions_mut();
        self.client.introduce(extensions);
        extensions.insert(lifeline.clone());
        if let Some(fault) = self.phase.take_refusal() {
            extensions.insert(fault);
        }
        let asked = self.phase.take_upgrade().map(AskedUpgrade::new);
        if let Some(asked) = &asked {
            extensions.insert(asked.clone());
        }
        let carried = lifeline.clone();
        let request = request
            .map(|body| RequestBody::new(body, version, lifeline, self.phase.clone(), sending));
        AnswerFuture {
            inner: self.inner.clone().oneshot(request),
            answering: Some(answering),
            asked,
            lifeline: carried,
        }
    }
}

impl<S, B> Future for AnswerFuture<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<AnswerBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.inner.poll(cx));
        let answering = this.answering.take();
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(part) = &answering
            && let Some(side) = this.asked.take().and_then(|asked| asked.take())
        {
            let (parts, body) = response.into_parts();
            let agreed = Agreed::new(body, side, this.lifeline.clone());
            part.phase().agree(agreed);
            return Poll::Ready(Ok(Response::from_parts(
                parts,
                AnswerBody {
                    inner: None,
                    answering,
                },
            )));
        }
        if answering.as_ref().is_some_and(|part| is_last(part.phase())) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(Ok(response.map(|inner| AnswerBody {
            inner: Some(inner),
            answering,
        })))
    }
}

impl<B: Body> Body for AnswerBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let polled = inner.poll_frame(cx);
        if let (Poll::Ready(Some(Err(_))), Some(part)) = (&polled, this.answering) {
            part.phase().break_off();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let none = SizeHint::with_exact(0);
        self.inner.as_ref().map_or(none, Body::size_hint)
    }
}

/// Whether no request can follow the one that is being answered.
fn is_last(phase: &Phase) -> bool {
    phase.stops() || phase.spoiled().is_some()
}
