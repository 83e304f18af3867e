use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::line::{Carrier, Content};
use super::member::Assigned;
use super::progress::Progress;
use super::room::Seat;
use crate::stack::BoxError;

/// The body of an answer, and the connection that it comes on.
///
/// An answer that is over ends its exchange: its own connection goes back to the pool if nothing
/// about it is in doubt, and is closed otherwise; of a connection that is shared its stream ends,
/// and no other. It is closed, or the stream reset, as well where the request's body has not
/// come to its end, since nobody would bound how long that goes on, and where the answer is dropped
/// before its end.
#[derive(Debug)]
pub(super) struct Lease {
    answer: Content,
    exchange: Option<Exchange>,
}

/// What an answer holds until it is over.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) carrier: Carrier,
    pub(super) progress: Arc<Progress>,
    pub(super) assigned: Assigned,
    /// Given to the next request once the connection is in the pool.
    pub(super) seat: Seat,
    /// Whether the answer's head lets the connection be used again.
    pub(super) is_reusable: bool,
}

impl Lease {
    pub(super) fn new(answer: Content, exchange: Exchange) -> Self {
        let mut lease = Self {
            answer,
            exchange: Some(exchange),
        };
        lease.look();
        lease
    }

    /// Ends the exchange if the answer is at its end. Whoever reads an answer of known length
    /// stops there, and asks for no end; an answer without content is over with its head.
    fn look(&mut self) {
        if self.answer.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.end();
        }
    }
}

impl Exchange {
    fn end(self) {
        match self.carrier {
            Carrier::Http1(connection) if self.is_reusable && self.progress.is_over() => {
                self.assigned.member.pool.put(connection);
            }
            carrier => drop(carrier),
        }
        drop(self.assigned);
        drop(self.seat);
    }
}

impl Body for Lease {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.answer).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => self.look(),
            // Trailers are the last of an answer, and few ask for more.
            Poll::Ready(Some(Ok(_)) | None) => self.end(),
            Poll::Ready(Some(Err(_))) => self.exchange = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
