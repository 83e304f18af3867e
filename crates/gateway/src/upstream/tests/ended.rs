//! Exchanges that end before both sides are at their end.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use ::http::{Method, StatusCode};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{OK, SHORT, get, request, text, upstream};
use crate::body::{BodyError, BodySource, ChannelBody, ProxyBody};
use crate::upstream::{Upstream, UpstreamErrorKind};
use crate::wire::{Wire, eventually, listener};

/// An upload whose client sends this often, and then waits for something.
struct Endless {
    pieces: usize,
    _here: Arc<()>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
        match self.pieces.checked_sub(1) {
            Some(left) => {
                self.pieces = left;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE)))))
            }
            None => Poll::Pending,
        }
    }
}

/// An upload, and whether it is still there.
fn endless(pieces: usize) -> (ProxyBody, Weak<()>) {
    let here = Arc::new(());
    let weak = Arc::downgrade(&here);
    let body = Endless {
        pieces,
        _here: here,
    };
    (ProxyBody::new(body, BodySource::Client), weak)
}

async fn gone(upload: &Weak<()>) {
    eventually(async || upload.upgrade().is_none()).await;
}

#[tokio::test]
async fn an_answer_that_is_over_ends_its_upload() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let (listener, address) = listener().await;
        let upstream = upstream(address, |_| {});
        let (body, upload) = endless(1);
        let (sent, mut wire) = tokio::join!(upstream.send(request(Method::POST, body)), async {
            let mut wire = Wire::accept(&listener).await;
            wire.until("x\r\n").await;
            wire.send(answer).await;
            wire
        });
        text(sent.unwrap()).await;
        gone(&upload).await;
        let rest = wire.closed().await;
        assert!(!rest.contains("0\r\n\r\n"), "it must not look whole");
        // Nobody is sent after it.
        let (next, ()) = tokio::join!(upstream.send(get()), async {
            let mut wire = Wire::accept(&listener).await;
            wire.head().await;
            wire.send(OK).await;
        });
        assert_eq!(text(next.unwrap()).await, "ok");
    }
}

#[tokio::test]
async fn upload_goes_on_until_the_answer_is_over() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    let (sender, body) = ChannelBody::new();
    let body = ProxyBody::new(body, BodySource::Client);
    let (sent, mut wire) = tokio::join!(upstream.send(request(Method::POST, body)), async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
            .await;
        wire
    });
    let mut answer = sent.unwrap().into_body();
    assert_eq!(
        answer.frame().await.unwrap().unwrap().into_data().unwrap(),
        "ok"
    );
    sender.data("more").await;
    wire.until("more\r\n").await;
    drop(sender);
    wire.until("0\r\n\r\n").await;
    wire.send("0\r\n\r\n").await;
    assert!(answer.frame().await.is_none());
    // Both are at their end, and the connection is used again.
    let (next, ()) = tokio::join!(upstream.send(get()), async {
        wire.head().await;
        wire.send(OK).await;
    });
    assert_eq!(text(next.unwrap()).await, "ok");
}

/// The upstream reads nothing more, so that nothing of hyper's would notice.
#[tokio::test]
async fn an_answer_that_nobody_reads_ends_everything_on_its_connection() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    let (body, upload) = endless(1024);
    let (sent, _wire) = tokio::join!(upstream.send(request(Method::POST, body)), async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
            .await;
        wire
    });
    let answer = sent.unwrap();
    assert!(upload.upgrade().is_some());
    drop(answer);
    gone(&upload).await;
}

#[tokio::test]
async fn request_that_nobody_waits_for_ends_everything_on_its_connection() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    let (body, upload) = endless(1024);
    let sending = tokio::spawn(upstream.send(request(Method::POST, body)));
    let mut wire = Wire::accept(&listener).await;
    wire.head().await;
    sending.abort();
    gone(&upload).await;
}

#[tokio::test]
async fn upload_ends_with_the_time_for_the_answer() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| config.response_timeout = SHORT);
    let (body, upload) = endless(1024);
    let error = upstream.send(request(Method::POST, body)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::ResponseTimeout);
    gone(&upload).await;
    drop(listener);
}

/// Refuses an upload as simple servers do: the answer, and the end, with most of the upload unread.
/// The answer is longer than what is read of it at once.
#[tokio::test]
async fn refusal_of_an_upload_is_heard_though_the_connection_is_reset() {
    for round in 0..10 {
        let (listener, address) = listener().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut begin = [0; 1024];
            stream.read_exact(&mut begin).await.unwrap();
            let refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 40000\r\n\r\n";
            stream.write_all(refusal.as_bytes()).await.unwrap();
            stream.write_all(&[b'x'; 40_000]).await.unwrap();
        });
        let upstream = upstream(address, |_| {});
        let (body, upload) = endless(1024);
        let answer = upstream.send(request(Method::POST, body)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{round}: {error:?}"));
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(text(answer).await, "x".repeat(40_000));
        gone(&upload).await;
    }
}

/// The upstream reads nothing of the upload, so that its close is a reset.
#[tokio::test]
async fn an_early_answer_is_whole_if_that_can_be_known() {
    let known = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nok";
    let coded = "HTTP/1.1 413 Content Too Large\r\ntransfer-encoding: chunked\r\n\r\n\
                 2\r\nok\r\n0\r\n\r\n";
    let until_close = "HTTP/1.1 413 Content Too Large\r\n\r\nok";
    for (answer, says_end, is_whole) in [
        (known, false, true),
        (coded, false, true),
        (until_close, true, true),
        // It may be all, or not.
        (until_close, false, false),
    ] {
        for pieces in [0, 1, 200] {
            let (listener, address) = listener().await;
            let upstream = upstream(address, |_| {});
            let (body, _upload) = endless(pieces);
            let (sent, ()) = tokio::join!(upstream.send(request(Method::POST, body)), async {
                let (mut stream, _) = listener.accept().await.unwrap();
                // At least something is there that is not read.
                assert_eq!(stream.peek(&mut [0]).await.unwrap(), 1);
                stream.write_all(answer.as_bytes()).await.unwrap();
                if says_end {
                    stream.shutdown().await.unwrap();
                }
                stream.set_zero_linger().unwrap();
            });
            let case = format!("{answer:?} {pieces}");
            let body = sent.expect(&case).into_body().collect().await;
            assert_eq!(body.is_ok(), is_whole, "{case} {body:?}");
        }
    }
}
