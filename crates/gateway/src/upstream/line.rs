use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::http2;

/// What a request is sent on.
#[derive(Debug)]
pub(super) enum Line {
    /// A connection of its own, until the exchange is over.
    Http1(Connection),
    /// A place on a connection that others share.
    Http2(http2::Share),
}

/// What holds an exchange that has begun. Dropping it ends the exchange.
#[derive(Debug)]
pub(super) enum Carrier {
    Http1(Connection),
    Http2(#[expect(dead_code, reason = "held for its end")] http2::Stream),
}

/// The body of an answer as it comes.
#[derive(Debug)]
pub(super) enum Content {
    Http1(Incoming),
    Http2(http2::Answer),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
