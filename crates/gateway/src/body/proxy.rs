use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use super::{BodyError, BodySource};

/// A body between the gateway's parts: none, or any, boxed once.
#[derive(Default)]
pub struct ProxyBody {
    inner: Option<UnsyncBoxBody<Bytes, BodyError>>,
}

impl ProxyBody {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self { inner: None }
    }

    /// A body from a client or an upstream. One that is at its end already costs no box.
    pub fn new<B>(body: B, from: BodySource) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self::of(body.map_err(move |cause| BodyError::of(from, cause.into())))
    }

    /// A body whose errors say already whose it is.
    pub fn of<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error = BodyError> + Send + 'static,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self {
            inner: Some(body.boxed_unsync()),
        }
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.inner {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyBody")
            .field("ended", &self.is_end_stream())
            .finish_non_exhaustive()
    }
}
