use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::body::Content;
use super::{Stream, StreamBody, StreamExecutor, cookie};
use crate::headers::hop_by_hop;
use crate::server::phase::{Part, Phase};
use crate::server::secure::Client;
use crate::server::{HeadFault, RequestBody};

/// The user's service as hyper sees it on a connection of HTTP/2: each request has its own
/// lifeline, by which its stream can be cut.
#[derive(Debug)]
pub(super) struct StreamService<S> {
    inner: S,
    client: Client,
    phase: Phase,
    executor: StreamExecutor,
    max_headers: usize,
}

pin_project! {
    /// The answer to one request.
    pub(super) struct StreamFuture<S>
    where
        S: Service<Request<RequestBody>>,
    {
        #[pin]
        inner: Oneshot<S, Request<RequestBody>>,
        // Taken by the answer's body.
        answering: Option<(Stream, Part)>,
        asked: Asked,
    }
}

/// What was asked for, as far as it decides what of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Other,
}

impl<S> StreamService<S> {
    pub(super) const fn new(
        inner: S,
        client: Client,
        phase: Phase,
        executor: StreamExecutor,
        max_headers: usize,
    ) -> Self {
        Self {
            inner,
            client,
            phase,
            executor,
            max_headers,
        }
    }
}

impl<S> StreamService<S> {
    /// What is wrong with a head that hyper takes.
    fn fault(&self, headers: &HeaderMap) -> Option<HeadFault> {
        if headers.len() > self.max_headers {
            return Some(HeadFault::TooManyFields);
        }
        // hyper takes several that are equal, and an empty one.
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
        match (lengths.next(), lengths.next()) {
            (_, Some(_)) => return Some(HeadFault::SeveralLengths),
            (Some(length), None) if !is_length(length.as_bytes()) => {
                return Some(HeadFault::Length);
            }
            _ => {}
        }
        // RFC 9113 section 8.2.1. HTTP/1 has it around values, where it means nothing.
        let is_blank = |octet: Option<&u8>| octet.is_some_and(|octet| b" \t".contains(octet));
        let mut values = headers.values().map(HeaderValue::as_bytes);
        values
            .any(|value| is_blank(value.first()) || is_blank(value.last()))
            .then_some(HeadFault::FieldValue)
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for StreamService<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body,
{
    type Response = Response<StreamBody<B>>;
    type Error = Infallible;
    type Future = StreamFuture<S>;

    fn call(&self, mut request: Request<Incoming>) -> StreamFuture<S> {
        let version = Version::HTTP_2;
        let (answering, sending) = self.phase.begin(version, !request.body().is_end_stream());
        let stream = Stream::new();
        self.executor.expect(stream.clone());
        cookie::join(request.headers_mut());
        let asked = Asked::of(&request);
        let fault = self.fault(request.headers());
        if fault.is_some() {
            // Nothing of it may go anywhere, not even where nobody looks for the fault.
            *request.uri_mut() = Uri::from_static("*");
            request.headers_mut().clear();
        }
        let extensions = request.extensions_mut();
        self.client.introduce(extensions);
        extensions.insert(stream.lifeline.clone());
        if let Some(fault) = fault {
            extensions.insert(fault);
        }
        let (lifeline, phase) = (stream.lifeline.clone(), self.phase.clone());
        let request = request.map(|body| RequestBody::new(body, version, lifeline, phase, sending));
        StreamFuture {
            inner: self.inner.clone().oneshot(request),
            answering: Some((stream, answering)),
            asked,
        }
    }
}

impl<S, B> Future for StreamFuture<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    type Output = Result<Response<StreamBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.inner.poll(cx));
        let Some((stream, answering)) = this.answering.take() else {
            // Polled after its end, against the contract of futures.
            return Poll::Pending;
        };
        // These are of a connection of HTTP/1 (RFC 9113 section 8.2.2).
        hop_by_hop::remove(response.headers_mut());
        let content = this.asked.content(response.status());
        if let (Asked::Head, Some(length)) = (*this.asked, response.body().size_hint().exact()) {
            let fields = response.headers_mut();
            // That of the answer to a GET; where there is no body, nobody knows.
            if length > 0 {
                fields.entry(CONTENT_LENGTH).or_insert(length.into());
            }
        }
        Poll::Ready(Ok(
            response.map(|inner| StreamBody::new(inner, stream, content, answering))
        ))
    }
}

fn is_length(text: &[u8]) -> bool {
    (1..=19).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        match *request.method() {
            Method::HEAD => Self::Head,
            _ => Self::Other,
        }
    }

    /// What is sent of an answer's body.
    fn content(self, status: StatusCode) -> Content {
        let is_empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        match self {
            Self::Head => Content::None,
            _ if is_empty => Content::None,
            Self::Other => Content::All,
        }
    }
}
