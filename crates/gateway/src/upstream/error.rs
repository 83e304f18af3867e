use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::connector::ConnectFailure;
use crate::body::{BodyError, BodyErrorKind, BodySource};
use crate::tls::TlsFault;

/// A request that an upstream did not answer.
///
/// Its text, and that of its causes, names the upstream by its name and never by its address.
#[derive(Debug)]
pub struct UpstreamError {
    kind: UpstreamErrorKind,
    upstream: Arc<str>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// Why an upstream did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpstreamErrorKind {
    /// As many requests as it may have are under way, and as many as may wait are waiting; or
    /// none of them ended in time. Nothing was sent: 503.
    Full,
    /// It could not be reached, or its name not be looked up. The client's answer is 502.
    Connect,
    /// No connection within the connect timeout. 504.
    ConnectTimeout,
    /// It could not be trusted, or does not trust us: its certificate, or the lack of ours. 502.
    Tls,
    /// The request changes its protocol, which HTTP/1.1 alone can, and the upstream speaks HTTP/2
    /// alone. Nothing was sent: 502.
    NoUpgrade,
    /// No head of a response within the response timeout. 504.
    ResponseTimeout,
    /// Nothing came, and nobody was there who would have said so when asked: its connection of
    /// HTTP/2 is dead. 504.
    Silent,
    /// The connection ended before a response began. 502.
    Closed,
    /// What it sent is no response that can be handed on. 502.
    Protocol,
    /// The client's body stood still for longer than the body timeout. The upstream is not to
    /// blame: 408.
    RequestBodyTimeout,
    /// The client's body broke off. The upstream is not to blame, and nobody is left to answer
    /// but in rare cases: 400.
    RequestBody,
    /// The client's body is malformed. The upstream is not to blame: 400.
    RequestBodyMalformed,
    /// The client's body is longer than it may be. The upstream is not to blame: 413.
    RequestBodyTooLong,
    /// The time was over that the whole exchange may take. 504.
    Overdue,
    /// The gateway ended the request, for example because its key is revoked. The upstream is not
    /// to blame; whoever ended it has the answer: 503 where nobody has.
    Ended,
}

impl UpstreamError {
    pub(crate) const fn new(kind: UpstreamErrorKind, upstream: Arc<str>) -> Self {
        Self {
            kind,
            upstream,
            cause: None,
        }
    }

    pub(super) fn with_cause(
        upstream: Arc<str>,
        cause: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind: UpstreamErrorKind::of(&cause),
            upstream,
            cause: Some(match distrust(&cause) {
                Some(fault) => Box::new(ConnectFailure::of_handshake(fault)),
                None => Box::new(cause),
            }),
        }
    }

    /// Why the upstream did not answer.
    #[must_use]
    pub const fn kind(&self) -> UpstreamErrorKind {
        self.kind
    }

    /// The upstream's name.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }
}

impl UpstreamErrorKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 15] = [
        Self::Full,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::NoUpgrade,
        Self::ResponseTimeout,
        Self::Silent,
        Self::Closed,
        Self::Protocol,
        Self::RequestBodyTimeout,
        Self::RequestBody,
        Self::RequestBodyMalformed,
        Self::RequestBodyTooLong,
        Self::Overdue,
        Self::Ended,
    ];

    /// The kind as one lower-case word: the label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::NoUpgrade => "no_upgrade",
            Self::ResponseTimeout => "response_timeout",
            Self::Silent => "silent",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::RequestBodyTimeout => "request_body_timeout",
            Self::RequestBody => "request_body",
            Self::RequestBodyMalformed => "request_body_malformed",
            Self::RequestBodyTooLong => "request_body_too_long",
            Self::Overdue => "overdue",
            Self::Ended => "ended",
        }
    }

    /// Whether the client is to blame, or the end of its key, and not the upstream.
    #[must_use]
    pub const fn is_of_client(self) -> bool {
        matches!(
            self,
            Self::RequestBodyTimeout
                | Self::RequestBody
                | Self::RequestBodyMalformed
                | Self::RequestBodyTooLong
                | Self::Ended
        )
    }

    fn of(error: &(dyn Error + 'static)) -> Self {
        std::iter::successors(Some(error), |error| (*error).source())
            .find_map(Self::of_one)
            .unwrap_or(Self::Protocol)
    }

    fn of_one(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(failure) = error.downcast_ref::<ConnectFailure>() {
            return Some(match failure.is_timeout() {
                _ if failure.is_of_tls() => Self::Tls,
                _ if failure.is_without_http1() => Self::NoUpgrade,
                true => Self::ConnectTimeout,
                false => Self::Connect,
            });
        }
        if let Some(body) = error.downcast_ref::<BodyError>()
            && body.from() == BodySource::Client
        {
            return Some(match body.kind() {
                BodyErrorKind::Stalled | BodyErrorKind::Slow => Self::RequestBodyTimeout,
                BodyErrorKind::TooLong => Self::RequestBodyTooLong,
                BodyErrorKind::Overdue => Self::Overdue,
                BodyErrorKind::Broken => Self::RequestBody,
                BodyErrorKind::Malformed => Self::RequestBodyMalformed,
                BodyErrorKind::Ended => Self::Ended,
            });
        }
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            let closed = hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled();
            return closed.then_some(Self::Closed);
        }
        if let Some(stream) = error
            .downcast_ref::<h2::Error>()
            .filter(|error| !error.is_io())
        {
            return stream.is_remote().then_some(Self::Closed);
        }
        let error = io_of(error)?;
        Some(match TlsFault::within(error) {
            Some(_) => Self::Tls,
            None => Self::Closed,
        })
    }
}

/// What an upstream has against us. In TLS 1.3 it tells only after the handshake that it wants a
/// certificate.
fn distrust(error: &(dyn Error + 'static)) -> Option<TlsFault> {
    std::iter::successors(Some(error), |error| (*error).source())
        .find_map(|error| TlsFault::within(io_of(error)?))
}

/// The fault of a socket, also where HTTP/2 tells of it.
fn io_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    match error.downcast_ref::<h2::Error>() {
        Some(error) => error.get_io(),
        None => error.downcast_ref(),
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            UpstreamErrorKind::Full => "has as many requests under way as it may have",
            UpstreamErrorKind::Connect => "cannot be reached",
            UpstreamErrorKind::ConnectTimeout => "did not take the connection in time",
            UpstreamErrorKind::Tls => "has no connection that both sides trust",
            UpstreamErrorKind::NoUpgrade => "changes no protocols",
            UpstreamErrorKind::ResponseTimeout => "did not answer in time",
            UpstreamErrorKind::Silent => "is silent: its connection is dead",
            UpstreamErrorKind::Closed => "closed the connection before it answered",
            UpstreamErrorKind::Protocol => "did not answer in valid HTTP",
            UpstreamErrorKind::RequestBodyTimeout => "waited too long for the request's body",
            UpstreamErrorKind::RequestBody => "did not get the whole of the request's body",
            UpstreamErrorKind::RequestBodyMalformed => "was sent a malformed body",
            UpstreamErrorKind::RequestBodyTooLong => {
                "was not sent the whole of the request's body, which is too long"
            }
            UpstreamErrorKind::Overdue => "did not come to an end in time",
            UpstreamErrorKind::Ended => "was not waited for: the request was ended",
        };
        write!(f, "upstream `{}` {what}", self.upstream)
    }
}

impl Error for UpstreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
