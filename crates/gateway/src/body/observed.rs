use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, ProxyBody};

/// A body that tells of its failure, once, on its way through.
pub(crate) struct Observed<F> {
    inner: ProxyBody,
    on_error: Option<F>,
}

impl<F> Observed<F>
where
    F: FnOnce(&BodyError) + Unpin,
{
    pub(crate) const fn new(inner: ProxyBody, on_error: F) -> Self {
        Self {
            inner,
            on_error: Some(on_error),
        }
    }
}

impl<F> Body for Observed<F>
where
    F: FnOnce(&BodyError) + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &polled
            && let Some(tell) = self.on_error.take()
        {
            tell(error);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
