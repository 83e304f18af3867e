use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderName;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use super::trailers::Trailers;
use super::{BodyError, BodySource};

/// A body between the gateway's parts: none, or any, boxed once.
#[derive(Default)]
pub struct ProxyBody {
    inner: Option<UnsyncBoxBody<Bytes, BodyError>>,
    trailers: Trailers,
}

impl ProxyBody {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            inner: None,
            trailers: Trailers::AsTheyCome,
        }
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
            trailers: Trailers::AsTheyCome,
        }
    }

    /// The same body without its trailers.
    pub(crate) fn without_trailers(self) -> Self {
        Self {
            trailers: Trailers::Dropped,
            ..self
        }
    }

    /// The same body with those of its trailers that may pass, and bear none of these names.
    pub(crate) fn with_clean_trailers(self, from: BodySource, taken: Box<[HeaderName]>) -> Self {
        Self {
            trailers: Trailers::Cleaned { from, taken },
            ..self
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
        let Some(body) = &mut self.inner else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => {
                // They are the end, whether anything is left of them or not.
                self.inner = None;
                Poll::Ready(self.trailers.pass(frame))
            }
            polled => polled,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{BodyErrorKind, ChannelBody};
    use crate::headers::trailers::MAX_FIELDS;

    async fn body(names: &[&'static str]) -> ProxyBody {
        let (sender, body) = ChannelBody::new();
        sender.data("x").await;
        sender.trailer_section(names).await;
        ProxyBody::new(body, BodySource::Upstream)
    }

    async fn read(body: ProxyBody) -> Vec<String> {
        let all = body.collect().await.unwrap();
        let names = all.trailers().map(|trailers| {
            let names = trailers.keys().map(ToString::to_string);
            names.collect()
        });
        assert_eq!(all.to_bytes(), "x");
        names.unwrap_or_default()
    }

    #[tokio::test]
    async fn trailers_pass_as_it_is_said() {
        let names = ["x-sum", "x-portcullis-owner", "x-taken"];
        assert_eq!(read(body(&names).await).await, names);
        assert!(read(body(&names).await.without_trailers()).await.is_empty());
        let clean = |body: ProxyBody| {
            let taken = [HeaderName::from_static("x-taken")].into();
            body.with_clean_trailers(BodySource::Upstream, taken)
        };
        assert_eq!(read(clean(body(&names).await)).await, ["x-sum"]);
        let mut none = clean(body(&names[1..]).await);
        assert!(none.frame().await.unwrap().unwrap().is_data());
        assert!(none.frame().await.is_none() && none.is_end_stream());
        let mut many = clean(body(&["x-sum"; MAX_FIELDS + 1]).await);
        assert!(many.frame().await.unwrap().is_ok());
        let error = many.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::Malformed);
    }
}
