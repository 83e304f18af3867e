use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};

use super::ends::End;
use super::pulse::Pulse;

/// The body of an answer, as it comes on its stream.
#[derive(Debug)]
pub(in crate::upstream) struct Answer {
    stream: RecvStream,
    pulse: Arc<Pulse>,
    end: End,
    /// How much is to come, where the head says so. h2 sees to it that it does.
    left: Option<u64>,
    is_read: bool,
    is_over: bool,
}

/// An answer that broke off.
///
/// It is no cause by which a server of HTTP/2 would tell its client with the upstream's own code:
/// of an answer that is reset without an error (`NO_ERROR`) some clients take what they have for
/// the whole.
#[derive(Debug)]
pub(in crate::upstream) struct BrokeOff(String);

impl Answer {
    pub(super) fn of(answer: Response<RecvStream>, pulse: Arc<Pulse>, end: End) -> Response<Self> {
        pulse.has_answered();
        let length = answer.headers().get(CONTENT_LENGTH);
        let left = length.and_then(|length| length.to_str().ok()?.parse().ok());
        answer.map(|stream| Self {
            pulse,
            end,
            left,
            is_read: false,
            // As to HEAD, where the length is not of what comes.
            is_over: stream.is_end_stream(),
            stream,
        })
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let Some(data) = ready!(self.stream.poll_data(cx)?) else {
            return Poll::Ready(None);
        };
        self.pulse.has_answered();
        // Whoever asks has room for it.
        self.stream.flow_control().release_capacity(data.len())?;
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(length));
        Poll::Ready(Some(Ok(data)))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.is_read {
            if let Some(data) = ready!(self.poll_data(cx)?) {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            self.is_read = true;
        }
        let trailers = ready!(self.stream.poll_trailers(cx)?);
        self.pulse.has_answered();
        self.is_over = true;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_next(cx));
        Poll::Ready(match next {
            None => None,
            Some(Ok(frame)) => Some(Ok(frame)),
            Some(Err(error)) => {
                self.is_over = true;
                // All of it was there before the connection ended.
                let lacks_nothing = self.left.is_none_or(|left| left == 0);
                let is_whole = error.is_io() && self.end.has_come() && lacks_nothing;
                (!is_whole).then(|| Err(BrokeOff(error.to_string())))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            _ if self.is_end_stream() => SizeHint::with_exact(0),
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

impl fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BrokeOff {}
