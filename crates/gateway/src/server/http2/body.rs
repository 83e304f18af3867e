use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::Stream;
use crate::server::phase::Part;

pin_project! {
    /// The body of an answer. It tells its stream's task when it is the client that is waited for.
    pub(super) struct StreamBody<B> {
        #[pin]
        inner: B,
        stream: Stream,
        trailers: Trailers,
        answering: Part,
    }
}

/// What becomes of trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailers {
    /// gRPC's, in which the outcome of a call stands.
    Pass,
    /// Nobody has looked at what an upstream says there: they go.
    Dropped,
}

impl<B> StreamBody<B> {
    pub(super) const fn new(inner: B, stream: Stream, trailers: Trailers, answering: Part) -> Self {
        Self {
            inner,
            stream,
            trailers,
            answering,
        }
    }
}

impl<B: Body> Body for StreamBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        this.stream.asked();
        let polled = this.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            if frame.data_ref().is_some_and(Buf::has_remaining) {
                this.stream.gave();
            } else if frame.is_trailers() && *this.trailers == Trailers::Dropped {
                return Poll::Ready(None);
            }
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
