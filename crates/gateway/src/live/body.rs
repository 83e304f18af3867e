use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::served::Served;
use crate::body::{BodyError, ProxyBody};

/// An answer's body, until the request is to end.
#[derive(Debug)]
pub(super) struct LiveBody {
    inner: ProxyBody,
    /// Until the body is over.
    served: Option<Served>,
}

impl LiveBody {
    pub(super) const fn new(inner: ProxyBody, served: Served) -> Self {
        Self {
            inner,
            served: Some(served),
        }
    }
}

impl Body for LiveBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(served) = &self.served
            && let Poll::Ready(reason) = served.poll_ending(cx)
        {
            let last = served.last_frame(reason, &self.inner);
            // The upstream hears of it now, whatever becomes of the client.
            self.inner = ProxyBody::empty();
            self.served = None;
            return Poll::Ready(Some(last));
        }
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.served = None;
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
