use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, BodyErrorKind, BodySource, ProxyBody};

/// An answer that says by trailers that its time is over, where it would break off for that.
///
/// Its length must not be known: a client that counts would take what it has for the whole.
pub(crate) struct Parting<F> {
    inner: ProxyBody,
    trailers: Option<F>,
}

impl<F> Parting<F>
where
    F: FnOnce() -> HeaderMap + Unpin,
{
    pub(crate) fn new(inner: ProxyBody, trailers: F) -> Self {
        let is_open = inner.size_hint().exact().is_none();
        Self {
            inner,
            trailers: is_open.then_some(trailers),
        }
    }
}

impl<F> Body for Parting<F>
where
    F: FnOnce() -> HeaderMap + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &polled
            && (error.kind(), error.from()) == (BodyErrorKind::Overdue, BodySource::Upstream)
            && let Some(trailers) = self.trailers.take()
        {
            // The upstream hears of it now, whatever becomes of the client.
            self.inner = ProxyBody::empty();
            return Poll::Ready(Some(Ok(Frame::trailers(trailers()))));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;
    use http_body_util::{BodyExt as _, Full};
    use tokio::time::Instant;

    use super::*;
    use crate::body::{ChannelBody, Whole};

    fn trailers() -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("4"));
        trailers
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_end_of_the_time_is_told_by_trailers() {
        let at = Instant::now() + Duration::from_secs(5);
        let (sender, body) = ChannelBody::new();
        let body = Whole::new(ProxyBody::new(body, BodySource::Upstream), at);
        let mut body = Parting::new(ProxyBody::of(body), trailers);
        sender.data("some").await;
        assert!(body.frame().await.unwrap().unwrap().is_data());
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers());
        assert!(body.is_end_stream() && body.frame().await.is_none());

        // What breaks off breaks off.
        let (sender, body) = ChannelBody::new();
        let mut body = Parting::new(ProxyBody::new(body, BodySource::Upstream), trailers);
        sender.fail("reset").await;
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::Broken);

        // Who knows the length asks for no trailers.
        let known = ProxyBody::new(Full::new(Bytes::from("known")), BodySource::Upstream);
        let known = Whole::new(known, Instant::now());
        let mut body = Parting::new(ProxyBody::of(known), trailers);
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::Overdue);
    }
}
