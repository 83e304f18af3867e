use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response: a refusal, or what the inner service answered.
    #[derive(Debug)]
    pub struct Body<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Refusal { text: Bytes },
        Inner { #[pin] body: B },
    }
}

impl<B> Body<B> {
    /// The inner service's body, as it is.
    pub const fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    pub(crate) const fn refusal(text: Bytes) -> Self {
        Self {
            kind: Kind::Refusal { text },
        }
    }
}

impl<B: Default> Default for Body<B> {
    fn default() -> Self {
        Self::inner(B::default())
    }
}

impl<B> http_body::Body for Body<B>
where
    B: http_body::Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Refusal { text } if text.is_empty() => Poll::Ready(None),
            KindProjection::Refusal { text } => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(text)))))
            }
            KindProjection::Inner { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Refusal { text } => text.is_empty(),
            Kind::Inner { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Refusal { text } => {
                SizeHint::with_exact(u64::try_from(text.len()).unwrap_or(u64::MAX))
            }
            Kind::Inner { body } => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};
    use http_body::Body as _;
    use http_body_util::{BodyExt, Empty, Full};

    use super::Body;

    #[tokio::test]
    async fn a_refusal_knows_its_length_and_its_end() {
        let mut body = Body::<Empty<Bytes>>::refusal(Bytes::from_static(b"no"));
        assert_eq!(body.size_hint().exact(), Some(2));
        assert!(!body.is_end_stream());
        let frame = body.frame().await.expect("one").expect("infallible");
        assert_eq!(frame.into_data().expect("data"), "no");
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.frame().await.is_none());
        let nothing = Body::<Empty<Bytes>>::refusal(Bytes::new());
        assert!(nothing.is_end_stream());
    }

    #[tokio::test]
    async fn an_inner_body_is_as_it_was_with_its_trailers() {
        let inner = Full::new(Bytes::from_static(b"yes"));
        let body = Body::inner(inner);
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(!body.is_end_stream());
        assert!(Body::inner(Empty::<Bytes>::new()).is_end_stream());
        assert_eq!(Body::<Full<Bytes>>::default().size_hint().exact(), Some(0));

        let trailers = HeaderMap::from_iter([(
            "grpc-status".parse().expect("a name"),
            HeaderValue::from_static("0"),
        )]);
        let told = trailers.clone();
        let inner =
            Full::new(Bytes::from_static(b"yes")).with_trailers(async move { Some(Ok(told)) });
        let whole = Body::inner(inner).collect().await.expect("infallible");
        assert_eq!(whole.trailers(), Some(&trailers));
        assert_eq!(whole.to_bytes(), "yes");
    }
}
