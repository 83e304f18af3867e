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
        content: Content,
        answering: Part,
    }
}

/// What of a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing: it is not asked for, or its status has none. hyper looks at that in HTTP/1 alone.
    None,
    /// All of it, trailers too.
    All,
}

impl<B> StreamBody<B> {
    pub(super) const fn new(inner: B, stream: Stream, content: Content, answering: Part) -> Self {
        Self {
            inner,
            stream,
            content,
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
        if *this.content == Content::None {
            return Poll::Ready(None);
        }
        this.stream.asked();
        let polled = this.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && frame.data_ref().is_some_and(Buf::has_remaining)
        {
            this.stream.gave();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.content == Content::None || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.content {
            Content::None => SizeHint::with_exact(0),
            Content::All => self.inner.size_hint(),
        }
    }
}
