use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::{BodyError, BodySource};
use crate::deadline::Deadline;

/// An answer's body that fails once the time of the whole exchange is over.
///
/// Like all that a body does it happens where the body is asked for: while a client takes nothing
/// of the answer, the connection's own write timeout is what ends it.
#[derive(Debug)]
pub(crate) struct Whole<B> {
    inner: B,
    deadline: Deadline,
    is_over: bool,
}

impl<B> Whole<B> {
    pub(crate) fn new(inner: B, at: Instant) -> Self {
        let mut deadline = Deadline::default();
        deadline.set(at);
        Self {
            inner,
            deadline,
            is_over: false,
        }
    }
}

impl<B> Body for Whole<B>
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
        // Before the body is asked: one that always has more must end as well.
        if self.deadline.poll_passed(cx).is_ready() {
            self.is_over = true;
            return Poll::Ready(Some(Err(BodyError::overdue(BodySource::Upstream))));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
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
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;
    use crate::body::{BodyErrorKind, ChannelBody};

    #[tokio::test(start_paused = true)]
    async fn a_body_that_goes_on_is_ended_at_the_deadline() {
        let (sender, body) = ChannelBody::new();
        let body = body.map_err(|cause| BodyError::of(BodySource::Upstream, cause));
        let start = Instant::now();
        let mut body = Whole::new(body, start + Duration::from_secs(5));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                sender.data("x").await;
            }
        });
        let error = loop {
            if let Err(error) = body.frame().await.unwrap() {
                break error;
            }
        };
        assert_eq!(error.kind(), BodyErrorKind::Overdue);
        assert_eq!(start.elapsed().as_secs(), 5);
        assert!(!body.is_end_stream());
    }
}
