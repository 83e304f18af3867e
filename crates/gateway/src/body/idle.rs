use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::{BodyError, BodySource};
use crate::deadline::Deadline;

pin_project! {
    /// A body that fails once nothing of it has come for some time.
    ///
    /// The time runs only while somebody waits for the body: a receiver that is slow to take it
    /// is not the sender's fault. Trailers end the body.
    #[derive(Debug)]
    pub struct IdleTimeout<B> {
        #[pin]
        inner: B,
        timeout: Duration,
        from: BodySource,
        deadline: Deadline,
        ended: bool,
    }
}

impl<B> IdleTimeout<B> {
    /// Bounds the time between two chunks of a body, and before the first.
    #[must_use]
    pub fn new(inner: B, timeout: Duration, from: BodySource) -> Self {
        Self {
            inner,
            timeout,
            from,
            deadline: Deadline::default(),
            ended: false,
        }
    }
}

impl<B> Body for IdleTimeout<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BodyError>>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let next = match this.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                this.deadline.clear();
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(Some(Ok(trailers))) => {
                *this.ended = true;
                return Poll::Ready(Some(Ok(trailers)));
            }
            Poll::Ready(None) => None,
            Poll::Ready(Some(Err(cause))) => Some(BodyError::of(*this.from, cause.into())),
            Poll::Pending => {
                if !this.deadline.is_set() {
                    this.deadline.set(Instant::now() + *this.timeout);
                }
                if this.deadline.poll_passed(cx).is_pending() {
                    return Poll::Pending;
                }
                Some(BodyError::stalled(*this.from))
            }
        };
        *this.ended = true;
        Poll::Ready(next.map(Err))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;

    use super::*;
    use crate::body::{BodyErrorKind, ChannelBody};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn body_that_moves_is_never_cut() {
        let (sender, body) = ChannelBody::new();
        let mut body = IdleTimeout::new(body, SECOND, BodySource::Client);
        tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(SECOND * 9 / 10).await;
                sender.data("x").await;
            }
        });
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            read += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(read, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_stands_still_is_cut_after_the_timeout() {
        let (sender, body) = ChannelBody::new();
        let mut body = IdleTimeout::new(body, SECOND, BodySource::Upstream);
        sender.data("x").await;
        assert!(body.frame().await.unwrap().is_ok());
        let start = Instant::now();
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 1);
        assert_eq!(error.kind(), BodyErrorKind::Stalled);
        assert_eq!(error.from(), BodySource::Upstream);
        assert!(body.frame().await.is_none(), "an error is the end");
    }

    #[tokio::test(start_paused = true)]
    async fn time_does_not_run_while_nobody_waits() {
        let (sender, body) = ChannelBody::new();
        let mut body = IdleTimeout::new(body, SECOND, BodySource::Client);
        sender.data("x").await;
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(SECOND * 60).await;
        sender.data("y").await;
        assert!(body.frame().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn trailers_are_the_end() {
        let (sender, body) = ChannelBody::new();
        sender.data("x").await;
        sender.trailers("x-sum", "1").await;
        sender.data("more").await;
        let body = IdleTimeout::new(body, SECOND, BodySource::Client);
        let all = body.collect().await.unwrap();
        assert_eq!(all.trailers().unwrap()["x-sum"], "1");
        assert_eq!(all.to_bytes(), Bytes::from_static(b"x"));
    }

    #[tokio::test]
    async fn broken_body_keeps_its_cause() {
        let (sender, body) = ChannelBody::new();
        sender.fail("torn").await;
        let mut body = IdleTimeout::new(body, SECOND, BodySource::Client);
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::Broken);
        assert_eq!(error.source().unwrap().to_string(), "torn");
    }
}
