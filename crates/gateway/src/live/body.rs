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
    /// Whether it was asked for anything. A body that fails when it is asked first takes the
    /// head with it, which is not written yet: the client would have no answer at all.
    begun: bool,
    /// Whether it ends itself where it is to end, in its protocol's own way.
    is_tunnel: bool,
}

impl LiveBody {
    pub(super) const fn new(inner: ProxyBody, served: Served, is_tunnel: bool) -> Self {
        Self {
            inner,
            served: Some(served),
            begun: false,
            is_tunnel,
        }
    }
}

impl LiveBody {
    fn poll_tunnel(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let ending = self.served.as_ref().map(|served| served.poll_ending(cx));
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled
            && let Some(served) = self.served.take()
            && let Some(Poll::Ready(reason)) = ending
        {
            served.closed(reason, matches!(polled, Poll::Ready(None)));
        }
        polled
    }
}

impl Body for LiveBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.is_tunnel {
            return self.poll_tunnel(cx);
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if let Some(served) = &self.served
            && let Poll::Ready(reason) = served.poll_ending(cx)
        {
            if !begun {
                // Whoever asks writes the head meanwhile, and asks again.
                cx.waker().wake_by_ref();
                return Pin::new(&mut self.inner).poll_frame(cx);
            }
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
