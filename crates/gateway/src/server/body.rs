use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::phase::Part;

/// A request's body as it comes from the connection.
///
/// The connection waits for its next request once this is read to its end, or dropped, and the
/// answer is out.
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    part: Option<Part>,
}

impl RequestBody {
    pub(super) const fn new(inner: Incoming, part: Option<Part>) -> Self {
        Self { inner, part }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.part = None;
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
