use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::Lifeline;
use super::phase::{Part, Phase};
use crate::body::{BodyError, BodySource};

/// A request's body as it comes from the connection.
///
/// The connection waits for its next request once this is read to its end, or dropped, and the
/// answer is out. It fails where it does not come to its end, and where the request is ended.
#[derive(Debug)]
pub struct RequestBody {
    lifeline: Lifeline,
    version: Version,
    phase: Phase,
    part: Option<Part>,
    reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    GoesOn,
    /// Nothing was left out.
    Whole,
    Failed,
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        version: Version,
        lifeline: Lifeline,
        phase: Phase,
        part: Option<Part>,
    ) -> Self {
        let reading = match inner.is_end_stream() {
            true => Reading::Whole,
            false => Reading::GoesOn,
        };
        lifeline.hold(inner);
        Self {
            lifeline,
            version,
            phase,
            part,
            reading,
        }
    }

    /// The end of a body counts in HTTP/2 only where the client said that it is the end. hyper
    /// says so also of a stream that was reset without an error, in the middle of its body.
    fn is_whole(&self) -> bool {
        self.version != Version::HTTP_2
            || self.lifeline.with_body(|body| body.is_end_stream()) == Some(true)
    }

    fn poll_inner(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.lifeline.poll_upload_ended(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::ended(BodySource::Client))));
        }
        let polled = self.lifeline.with_body(|body| body.poll_frame(cx));
        match polled {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(Some(Ok(frame)))) => Poll::Ready(Some(Ok(frame))),
            Some(Poll::Ready(Some(Err(cause)))) => Poll::Ready(Some(Err(self.failure(cause)))),
            Some(Poll::Ready(None)) if self.is_whole() => Poll::Ready(None),
            Some(Poll::Ready(None)) => {
                let cause = "the stream was reset".into();
                Poll::Ready(Some(Err(BodyError::broken(BodySource::Client, cause))))
            }
            // It was taken away by a cut, after the look above.
            None => Poll::Ready(Some(Err(BodyError::ended(BodySource::Client)))),
        }
    }

    fn failure(&self, cause: hyper::Error) -> BodyError {
        match self.phase.spoiled() {
            Some(fault) => BodyError::malformed(BodySource::Client, fault),
            None => BodyError::broken(BodySource::Client, cause.into()),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.reading != Reading::GoesOn {
            return Poll::Ready(None);
        }
        let polled = self.poll_inner(cx);
        self.reading = match &polled {
            Poll::Ready(None) => Reading::Whole,
            Poll::Ready(Some(Err(_))) => Reading::Failed,
            _ => return polled,
        };
        self.lifeline.release();
        self.part = None;
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self.reading {
            Reading::GoesOn => self.lifeline.with_body(|body| body.is_end_stream()) == Some(true),
            Reading::Whole => true,
            Reading::Failed => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.reading {
            Reading::Whole => SizeHint::with_exact(0),
            _ => self
                .lifeline
                .with_body(|body| body.size_hint())
                .unwrap_or_default(),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.lifeline.release();
    }
}
