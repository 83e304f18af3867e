use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;

use crate::body::BodyError;
use crate::upstream::connection::RequestBody;

/// A request's body on its way into its stream: a piece at a time, each when the upstream allows
/// for some of it. Dropped before its end it leaves the stream without one.
#[derive(Debug)]
pub(super) struct Upload {
    body: RequestBody,
    stream: SendStream<Bytes>,
    /// What waits for the upstream.
    piece: Option<Bytes>,
    is_touched: bool,
}

/// Why an upload did not come to its end.
#[derive(Debug)]
pub(super) enum Failed {
    /// Its client did not.
    Body(BodyError),
    /// The upstream takes no more of it. Its answer, or the lack of it, says the rest.
    Stream,
}

impl From<h2::Error> for Failed {
    fn from(_: h2::Error) -> Self {
        Self::Stream
    }
}

impl Upload {
    pub(super) const fn new(body: RequestBody, stream: SendStream<Bytes>) -> Self {
        Self {
            body,
            stream,
            piece: None,
            is_touched: false,
        }
    }

    /// The body, if nothing was taken of it.
    pub(super) fn untouched(self) -> Option<RequestBody> {
        (!self.is_touched).then_some(self.body)
    }

    /// Goes on without anybody who waits for it.
    pub(super) async fn run(mut self) {
        if let Err(Failed::Body(_)) = (&mut self).await {
            self.stream.send_reset(Reason::CANCEL);
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        if self.piece.is_none() {
            return Poll::Ready(Ok(()));
        }
        while self.stream.capacity() == 0 {
            // None: the stream takes nothing any more.
            ready!(self.stream.poll_capacity(cx)).ok_or(Failed::Stream)??;
        }
        if let Some(piece) = self.piece.take() {
            self.stream.send_data(piece, self.body.is_end_stream())?;
        }
        Poll::Ready(Ok(()))
    }
}

impl Future for Upload {
    type Output = Result<(), Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            // Whoever waits for a client is woken by the upstream as well.
            if this.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Failed::Stream));
            }
            let was_waiting = this.piece.is_some();
            ready!(this.poll_piece(cx))?;
            if was_waiting && this.body.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
            let next = ready!(Pin::new(&mut this.body).poll_frame(cx));
            this.is_touched = true;
            let frame = match next {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Err(Failed::Body(error))),
                None => {
                    this.stream.send_data(Bytes::new(), true)?;
                    return Poll::Ready(Ok(()));
                }
            };
            match frame.into_data() {
                Ok(piece) if piece.is_empty() && !this.body.is_end_stream() => {}
                Ok(piece) if piece.is_empty() => {
                    this.stream.send_data(piece, true)?;
                    return Poll::Ready(Ok(()));
                }
                Ok(piece) => {
                    // No more than a sign that there is something: h2 asks for the rest of a piece
                    // when it has it, and what is asked for early is kept from other streams.
                    this.stream.reserve_capacity(1);
                    this.piece = Some(piece);
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        this.stream.reserve_capacity(0);
                        this.stream.send_trailers(trailers)?;
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}
