use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// With what a client begins that knows that HTTP/2 is spoken (RFC 9113 section 3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection is to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A connection of which the first octets are read already. They are given up before all others.
#[derive(Debug)]
pub(super) struct Sniffed<T> {
    inner: T,
    read: [u8; PREFACE.len()],
    /// How many of them there are, and how many were given up.
    has: usize,
    given: usize,
}

impl<T> Sniffed<T> {
    pub(super) const fn new(inner: T) -> Self {
        Self {
            inner,
            read: [0; PREFACE.len()],
            has: 0,
            given: 0,
        }
    }

    /// Whether the client has said anything.
    pub(super) const fn has_begun(&self) -> bool {
        self.has > 0
    }

    /// What is read from.
    pub(super) const fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The same.
    pub(super) const fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    fn so_far(&self) -> &[u8] {
        self.read.get(..self.has).unwrap_or_default()
    }
}

impl<T: AsyncRead + Unpin> Sniffed<T> {
    /// Reads until it is clear what the client speaks; no octet more than that may need. A client
    /// that ends before that speaks HTTP/1. Nothing is lost where this is dropped: it can be asked
    /// again.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub(super) async fn protocol(&mut self) -> io::Result<Protocol> {
        loop {
            if !PREFACE.starts_with(self.so_far()) {
                return Ok(Protocol::Http1);
            }
            if self.has == PREFACE.len() {
                return Ok(Protocol::Http2);
            }
            let room = self.read.get_mut(self.has..).unwrap_or_default();
            match self.inner.read(room).await? {
                0 => return Ok(Protocol::Http1),
                octets => self.has += octets,
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Sniffed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let held = this.read.get(this.given..this.has).unwrap_or_default();
        if held.is_empty() {
            return Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        let octets = held.len().min(buffer.remaining());
        buffer.put_slice(held.get(..octets).unwrap_or_default());
        this.given += octets;
        if buffer.remaining() > 0 {
            // So that a head that came in one piece is read as one. What is not there, or fails,
            // is told when it is asked for again.
            let _ = Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Sniffed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What is told of a client that sends these pieces and ends, and what is read after that.
    async fn sniffed(pieces: &[&[u8]]) -> (Protocol, Vec<u8>) {
        let (mut client, server) = duplex(1024);
        let sending = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let reading = async {
            let mut sniffed = Sniffed::new(server);
            let protocol = sniffed.protocol().await.unwrap();
            let mut read = Vec::new();
            sniffed.read_to_end(&mut read).await.unwrap();
            (protocol, read)
        };
        tokio::join!(sending, reading).1
    }

    #[tokio::test]
    async fn the_preface_is_known_however_it_is_cut_and_nothing_is_lost() {
        let whole = [&PREFACE[..], b"and frames"].concat();
        for cut in 0..whole.len() {
            let (first, second) = whole.split_at(cut);
            assert_eq!(
                sniffed(&[first, second]).await,
                (Protocol::Http2, whole.clone()),
                "{cut}"
            );
        }
    }

    #[tokio::test]
    async fn what_diverges_is_http1_from_its_first_octet_on() {
        for at in 0..PREFACE.len() {
            let mut other = PREFACE;
            other[at] ^= 1;
            let pieces = [&other[..=at], &other[at + 1..], b"rest"];
            let (protocol, read) = sniffed(&pieces).await;
            assert_eq!((protocol, read), (Protocol::Http1, pieces.concat()), "{at}");
            let ended = sniffed(&[&PREFACE[..at]]).await;
            assert_eq!(ended, (Protocol::Http1, PREFACE[..at].to_vec()));
        }
    }
}
