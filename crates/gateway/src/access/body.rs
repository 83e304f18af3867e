use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::record::Record;
use crate::body::BodyError;

pin_project! {
    /// An answer's body, and the record of its request until the body is over or dropped.
    #[derive(Debug)]
    pub(crate) struct AccessBody<B> {
        #[pin]
        inner: B,
        record: Option<Record>,
        expected: Option<u64>,
    }
}

impl<B: Body> AccessBody<B> {
    /// A record that the head completes is finished now: nobody asks for a body that is none.
    pub(super) fn new(inner: B, record: Option<Record>) -> Self {
        let expected = inner.size_hint().exact();
        let mut body = Self {
            inner,
            record,
            expected,
        };
        let is_over = body.inner.is_end_stream();
        if let Some(record) = body.record.as_mut()
            && (is_over || record.has_no_content())
        {
            record.whole();
            body.record = None;
        }
        body
    }
}

impl<B> Body for AccessBody<B>
where
    B: Body,
    B::Error: AsRef<dyn Error + Send + Sync>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        let Some(record) = this.record else {
            return polled;
        };
        match &polled {
            Poll::Pending => return polled,
            Poll::Ready(Some(Ok(frame))) => {
                let is_last = match frame.data_ref() {
                    Some(data) => record.sent(data.remaining() as u64) == *this.expected,
                    // Trailers: nothing comes after them.
                    None => true,
                };
                // Whoever knows the length of a body does not ask for its end.
                if !is_last && !this.inner.is_end_stream() {
                    return polled;
                }
                record.whole();
            }
            Poll::Ready(None) => record.whole(),
            Poll::Ready(Some(Err(error))) => {
                let cause = error.as_ref().downcast_ref::<BodyError>();
                record.broken(cause.map(|cause| (cause.kind(), cause.from())));
            }
        }
        *this.record = None;
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
