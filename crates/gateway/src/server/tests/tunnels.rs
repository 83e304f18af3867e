use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, duplex};

use crate::server::transport::Transport;
use crate::server::tunnel::{Agreed, Tunnel};
use crate::server::{EndReason, Lifeline};
use crate::tunnel::{Link, TunnelEnd, UpstreamSide};

/// A client that says something each time it is heard, and takes what it is told without ever
/// passing it on, as TLS does with what its socket has no room for.
#[derive(Default)]
struct Stuck {
    is_heard: bool,
}

/// What says its last when it is asked to end.
struct Last {
    lifeline: Lifeline,
    is_said: bool,
}

impl AsyncRead for Stuck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_heard = !self.is_heard;
        if !self.is_heard {
            return Poll::Pending;
        }
        buffer.put_slice(b"x");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl Transport for Stuck {
    fn reset_when_dropped(&self) {}

    fn taken(&self) -> Option<u64> {
        None
    }

    fn say_goodbye(&mut self) {}
}

impl Body for Last {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_said {
            self.lifeline.over();
            return Poll::Ready(None);
        }
        ready!(self.lifeline.poll_ending(cx));
        self.is_said = true;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"closed")))))
    }
}

#[tokio::test]
async fn what_has_said_its_last_hears_nothing_more_however_slow_its_client_is() {
    let (writer, mut upstream) = duplex(64);
    let lifeline = Lifeline::new(Arc::new(AtomicWaker::new()));
    let answer = Last {
        lifeline: lifeline.clone(),
        is_said: false,
    };
    let side = UpstreamSide {
        writer: Box::new(writer),
        link: Arc::new(Link::default()),
        notes: None,
        idle: Duration::from_secs(60),
    };
    let agreed = Agreed::new(answer, side, lifeline.clone());
    let mut tunnel = Tunnel::new(Stuck::default(), BytesMut::new(), agreed);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(tunnel.poll(&mut cx).is_pending());
    assert!(lifeline.end(EndReason::Draining));
    let polled = tunnel.poll(&mut cx);
    let again = match polled {
        Poll::Ready(_) => polled,
        Poll::Pending => tunnel.poll(&mut cx),
    };
    assert_eq!(again, Poll::Ready(TunnelEnd::Closed));
    drop(tunnel);
    let mut heard = Vec::new();
    upstream.read_to_end(&mut heard).await.expect("its end");
    assert_eq!(heard, b"x");
}
