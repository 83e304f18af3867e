use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, BodySource};

/// A request's body that fails once it is longer than it may be.
///
/// What is beyond is not handed on, and neither is an end: whoever reads it learns that it has not
/// got the whole. Trailers do not count.
#[derive(Debug)]
pub(crate) struct Limited<B> {
    inner: B,
    left: Option<u64>,
    is_over: bool,
}

impl<B> Limited<B> {
    /// Of this many bytes at most; any length where there is no limit.
    pub(crate) const fn new(inner: B, limit: Option<u64>) -> Self {
        Self {
            inner,
            left: limit,
            is_over: false,
        }
    }
}

impl<B> Body for Limited<B>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&polled, self.left)
            && let Some(data) = frame.data_ref()
        {
            self.left = left.checked_sub(data.remaining() as u64);
            if self.left.is_none() {
                self.is_over = true;
                return Poll::Ready(Some(Err(BodyError::too_long(BodySource::Client))));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        !self.is_over && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::body::{BodyErrorKind, ChannelBody};

    #[tokio::test]
    async fn body_of_the_limit_passes_with_its_trailers() {
        for limit in [None, Some(4), Some(5)] {
            let (sender, body) = ChannelBody::new();
            sender.data("ab").await;
            sender.data("cd").await;
            sender.trailers("x-sum", "1").await;
            drop(sender);
            let body = body.map_err(|cause| BodyError::of(BodySource::Client, cause));
            let all = Limited::new(body, limit).collect().await.unwrap();
            assert_eq!(all.trailers().unwrap()["x-sum"], "1");
            assert_eq!(all.to_bytes(), "abcd");
        }
    }

    #[tokio::test]
    async fn body_beyond_the_limit_has_no_end() {
        let (sender, body) = ChannelBody::new();
        sender.data("ab").await;
        sender.data("cd").await;
        let body = body.map_err(|cause| BodyError::of(BodySource::Client, cause));
        let mut body = Limited::new(body, Some(3));
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "ab"
        );
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::TooLong);
        assert!(!body.is_end_stream());
    }
}
