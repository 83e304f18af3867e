use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::member::Assigned;
use super::progress::Progress;
use super::room::Seat;

/// The body of an answer, and the connection that it comes on.
///
/// An answer that is over ends its exchange: the connection goes back to the pool if nothing about
/// it is in doubt, and is closed otherwise. It is closed as well where the request's body has not
/// come to its end, since nobody would bound how long that goes on, and where the answer is dropped
/// before its end.
#[derive(Debug)]
pub(super) struct Lease {
    answer: Incoming,
    exchange: Option<Exchange>,
}

/// What an answer holds until it is over.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) connection: Connection,
    pub(super) progress: Arc<Progress>,
    pub(super) assigned: Assigned,
    /// Given to the next request once the connection is in the pool.
    pub(super) seat: Seat,
    /// Whether the answer's head lets the connection be used again.
    pub(super) is_reusable: bool,
}

impl Lease {
    pub(super) fn new(answer: Incoming, exchange: Exchange) -> Self {
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
        if self.is_reusable && self.progress.is_over() {
            self.assigned.member.pool.put(self.connection);
        }
        drop(self.assigned);
        drop(self.seat);
    }
}

impl Body for Lease {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
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
