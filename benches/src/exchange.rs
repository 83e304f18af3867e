use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE,
    ETAG, HOST, HeaderName, HeaderValue, USER_AGENT, VARY,
};
use http::{HeaderMap, Request, Response};
use portcullis::ClientAddr;
use tower::Service;

use crate::Failure;

/// A request as a server hands it on, and the answer of the service behind.
///
/// Both are made anew for each call, as a server does, by the same code whether a layer stands
/// between them or not: what is left of the difference is the layer's.
#[derive(Debug)]
pub struct Exchange {
    request: Vec<(HeaderName, HeaderValue)>,
    authorizations: Vec<HeaderValue>,
    extensions: usize,
    inner: Inner,
}

/// How much a request and its answer carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Fields of the request beside the credential, 0 to 7.
    pub fields: usize,
    /// Extensions that server and stack put there before, 0 to 4: the peer's address, a request
    /// id, and two more.
    pub extensions: usize,
    /// Fields of the answer, 0 to 6. Six are as many as their table takes before it grows.
    pub answer: usize,
}

impl Shape {
    /// The credential alone.
    pub const EMPTY: Self = Self {
        fields: 0,
        extensions: 0,
        answer: 0,
    };
    /// What a client's library sends, behind a server that tells the peer's address and gives each
    /// request an id.
    pub const TYPICAL: Self = Self {
        fields: 7,
        extensions: 2,
        answer: 4,
    };
}

/// The service behind: answers at once with the same fields.
#[derive(Debug, Clone)]
pub struct Inner {
    answer: &'static [(HeaderName, HeaderValue)],
}

/// An extension that nobody looks at.
#[derive(Debug, Clone, Copy)]
struct Carried<const KIND: u8>(#[expect(dead_code, reason = "only carried")] u128);

const fn text(value: &'static str) -> HeaderValue {
    HeaderValue::from_static(value)
}

static ANSWER: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_TYPE, text("application/json")),
    (CONTENT_LENGTH, text("128")),
    (CACHE_CONTROL, text("no-store")),
    (DATE, text("Sun, 22 Nov 2026 10:00:00 GMT")),
    (ETAG, text("\"33a64df551425fcc55e4d42a148795d9\"")),
    (VARY, text("accept-encoding")),
];

impl Exchange {
    /// Requests with these tokens.
    ///
    /// # Errors
    ///
    /// Where a token is no header value.
    pub fn new(tokens: &[String], shape: Shape) -> Result<Self, Failure> {
        let bearer = |token: &String| HeaderValue::try_from(format!("Bearer {token}"));
        let mut request = vec![
            (HOST, text("api.example.com")),
            (USER_AGENT, text("acme-nightly/2.3 (linux)")),
            (ACCEPT, text("application/json")),
            (ACCEPT_ENCODING, text("gzip, br")),
            (CONTENT_TYPE, text("application/json")),
            (HeaderName::from_static("x-request-id"), text("5f0c3b")),
            (
                HeaderName::from_static("traceparent"),
                text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ),
        ];
        request.truncate(shape.fields);
        Ok(Self {
            request,
            authorizations: tokens.iter().map(bearer).collect::<Result<_, _>>()?,
            extensions: shape.extensions,
            inner: Inner {
                answer: ANSWER.get(..shape.answer).unwrap_or(&ANSWER),
            },
        })
    }

    /// The service behind.
    #[must_use]
    pub fn inner(&self) -> Inner {
        self.inner.clone()
    }

    /// The request with the token at a place.
    ///
    /// # Panics
    ///
    /// Where there is no token at this place: a bench that goes on would measure something else.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "documented: a wrong place ends the bench"
    )]
    pub fn request(&self, at: usize) -> Request<()> {
        let mut headers = HeaderMap::new();
        headers.reserve(self.request.len() + 1);
        for (name, value) in &self.request {
            headers.append(name.clone(), value.clone());
        }
        headers.append(AUTHORIZATION, self.authorizations[at].clone());
        let mut request = Request::new(());
        *request.headers_mut() = headers;
        let told = request.extensions_mut();
        if self.extensions > 0 {
            told.insert(ClientAddr(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
        if self.extensions > 1 {
            told.insert(Carried::<1>(at as u128));
        }
        if self.extensions > 2 {
            told.insert(Carried::<2>(at as u128));
        }
        if self.extensions > 3 {
            told.insert(Carried::<3>(at as u128));
        }
        request
    }

    /// Makes the request, calls the service and drops its answer. Says whether it was a success.
    ///
    /// The services measured here answer without waiting; one that does not is no success.
    ///
    /// # Panics
    ///
    /// As [`Exchange::request`].
    pub fn run<S, B>(&self, service: &mut S, at: usize) -> bool
    where
        S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    {
        let answer = pin!(service.call(self.request(at)));
        let mut context = Context::from_waker(Waker::noop());
        match answer.poll(&mut context) {
            Poll::Ready(Ok(response)) => response.status().is_success(),
            Poll::Pending => false,
        }
    }
}

impl Service<Request<()>> for Inner {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        drop(request);
        let mut headers = HeaderMap::new();
        headers.reserve(self.answer.len());
        for (name, value) in self.answer {
            headers.append(name.clone(), value.clone());
        }
        let mut response = Response::new(());
        *response.headers_mut() = headers;
        ready(Ok(response))
    }
}
