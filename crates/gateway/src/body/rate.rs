use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::{BodyError, BodySource};
use crate::deadline::Deadline;

/// How slowly a client may send the body of its request: bytes a second, or as slowly as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyRate(Option<u32>);

/// Not a least rate of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBodyRate;

impl BodyRate {
    /// As slowly as it likes.
    pub const NONE: Self = Self(None);
    /// For how long a body may be waited for without a byte in return; what comes above the rate
    /// gives time back, but never more than this.
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// The greatest least rate, in bytes a second.
    pub const MAX: u32 = 1_000_000_000;
}

impl Default for BodyRate {
    /// 240 bytes a second.
    fn default() -> Self {
        Self(Some(240))
    }
}

impl FromStr for BodyRate {
    type Err = InvalidBodyRate;

    /// # Errors
    ///
    /// [`InvalidBodyRate`] for what is neither `none` nor `BYTES/s`.
    fn from_str(text: &str) -> Result<Self, InvalidBodyRate> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let digits = text.strip_suffix("/s").ok_or(InvalidBodyRate)?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let bytes = digits.parse().ok().filter(|_| plain);
        match bytes {
            Some(bytes) if (1..=Self::MAX).contains(&bytes) => Ok(Self(Some(bytes))),
            _ => Err(InvalidBodyRate),
        }
    }
}

impl fmt::Display for InvalidBodyRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = BodyRate::MAX;
        write!(
            f,
            "expected 1 to {most} bytes a second, for example 240/s, or none"
        )
    }
}

impl Error for InvalidBodyRate {}

/// A request's body that fails once it has come too slowly for too long.
///
/// Only time counts in which somebody waits for the body: an upstream that is slow to take it is
/// not the client's fault. The patience is spent by waiting, and earned by what comes.
#[derive(Debug)]
pub(crate) struct LeastRate<B> {
    inner: B,
    rate: BodyRate,
    patience: Duration,
    waiting_since: Option<Instant>,
    deadline: Deadline,
    is_over: bool,
}

impl<B> LeastRate<B> {
    pub(crate) fn new(inner: B, rate: BodyRate) -> Self {
        Self {
            inner,
            rate,
            patience: BodyRate::PATIENCE,
            waiting_since: None,
            deadline: Deadline::default(),
            is_over: false,
        }
    }

    /// Ends the wait, and settles it with what came.
    fn settle(&mut self, bytes: u64, rate: u32) {
        if let Some(since) = self.waiting_since.take() {
            self.patience = self.patience.saturating_sub(since.elapsed());
            self.deadline.clear();
        }
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        let earned = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.patience = self.patience.saturating_add(earned).min(BodyRate::PATIENCE);
    }

    /// Whether the patience is at its end.
    fn poll_impatient(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.deadline.set(now + self.patience);
        }
        self.deadline.poll_passed(cx)
    }
}

impl<B> Body for LeastRate<B>
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
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let Some(rate) = self.rate.0 else {
            return polled;
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Buf::remaining);
                self.settle(bytes as u64, rate);
            }
            Poll::Ready(_) => self.deadline.clear(),
            Poll::Pending if self.poll_impatient(cx).is_ready() => {
                self.is_over = true;
                return Poll::Ready(Some(Err(BodyError::slow(BodySource::Client))));
            }
            Poll::Pending => {}
        }
        polled
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
    use http_body_util::BodyExt;

    use super::*;
    use crate::body::{BodyErrorKind, ChannelBody, ChannelSender};

    fn slow(
        rate: &str,
    ) -> (
        ChannelSender,
        LeastRate<impl Body<Data = Bytes, Error = BodyError> + Unpin>,
    ) {
        let (sender, body) = ChannelBody::new();
        let body = body.map_err(|cause| BodyError::of(BodySource::Client, cause));
        (sender, LeastRate::new(body, rate.parse().unwrap()))
    }

    /// One byte each second, for so many seconds.
    fn drip(sender: ChannelSender, seconds: u32) {
        tokio::spawn(async move {
            for _ in 0..seconds {
                tokio::time::sleep(Duration::from_secs(1)).await;
                sender.data("x").await;
            }
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_a_second_is_cut_when_the_patience_is_over() {
        let (sender, mut body) = slow("240/s");
        drip(sender, 100);
        let (start, mut read) = (Instant::now(), 0);
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => read += frame.into_data().unwrap().len(),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), BodyErrorKind::Slow);
        assert_eq!((read, start.elapsed().as_secs()), (30, 30));
        assert!(body.frame().await.is_none() && !body.is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_at_the_rate_is_never_cut() {
        for rate in ["1/s", "none"] {
            let (sender, body) = slow(rate);
            drip(sender, 300);
            assert_eq!(
                body.collect().await.unwrap().to_bytes().len(),
                300,
                "{rate}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_does_not_run_while_nobody_waits_and_is_not_saved_up() {
        let (sender, mut body) = slow("1/s");
        for _ in 0..10 {
            sender
                .data("0123456789012345678901234567890123456789")
                .await;
            assert!(body.frame().await.unwrap().is_ok());
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let start = Instant::now();
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::Slow);
        assert_eq!(start.elapsed().as_secs(), 30);
        drop(sender);
    }

    #[test]
    fn a_rate_is_bytes_a_second_or_none() {
        assert_eq!("none".parse(), Ok(BodyRate::NONE));
        assert_eq!("240/s".parse(), Ok(BodyRate::default()));
        for text in [
            "",
            "0/s",
            "240",
            "240/m",
            "+1/s",
            "1 /s",
            "1000000001/s",
            "None",
            "-1/s",
        ] {
            assert_eq!(text.parse::<BodyRate>(), Err(InvalidBodyRate), "{text}");
        }
    }
}
