//! Connections at whose other end nobody is, and who finds out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::Method;
use bytes::Bytes;
use h2::server::{Connection, handshake};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::{Sent, Server, answer, answered, send, upstream};
use crate::body::{BodyErrorKind, BodySource, ProxyBody};
use crate::upstream::http2::Frames;
use crate::upstream::tests::{Counts, at, get, request, text};
use crate::upstream::{HttpUpstream, Protocol, UpstreamErrorKind};
use crate::wire::{LONG, listener};

/// How long a connection may be silent.
const CONNECT: Duration = Duration::from_secs(1);

/// A connection that is there, and says nothing more for as long as nobody drives it.
async fn silent(listener: &TcpListener) -> Connection<TcpStream, Bytes> {
    let (stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    handshake(stream).await.unwrap()
}

fn post() -> ::http::Request<ProxyBody> {
    request(Method::POST, ProxyBody::empty())
}

async fn failed(sent: Sent) -> UpstreamErrorKind {
    let error = timeout(LONG, sent).await.unwrap().unwrap().unwrap_err();
    error.kind()
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_left_and_those_who_may_go_elsewhere_do() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| config.connect_timeout = CONNECT);
    let sent = send(&upstream, get());
    let mut silent = silent(&listener).await;
    let (_, respond) = silent.accept().await.unwrap().unwrap();
    answer(respond, "ok");
    tokio::select! {
        answer = answered(sent) => assert_eq!(text(answer).await, "ok"),
        _ = silent.accept() => panic!("nothing more is asked"),
    }
    let since = Instant::now();
    let (posted, got) = (send(&upstream, post()), send(&upstream, get()));
    let (stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    assert!(since.elapsed() > CONNECT, "it was not asked");
    let mut other = handshake(stream).await.unwrap();
    let (_, respond) = other.accept().await.unwrap().unwrap();
    answer(respond, "other");
    let driving = tokio::spawn(async move {
        while let Some(Ok((_, respond))) = other.accept().await {
            answer(respond, "other");
        }
    });
    assert_eq!(text(answered(got).await).await, "other");
    assert_eq!(failed(posted).await, UpstreamErrorKind::Silent);
    // New ones do not go there.
    assert_eq!(text(answered(send(&upstream, post())).await).await, "other");
    driving.abort();
    drop(silent);
}

/// One connection is dead, however many requests wait there.
#[tokio::test]
async fn a_silent_connection_is_one_failure_of_its_address() {
    for (failures, ejected) in [(1, 1.0), (2, 0.0)] {
        let (listener, address) = listener().await;
        let mut good = Server::plain().await;
        let mut config = at(&[address, good.address]);
        config.protocol = Protocol::Http2;
        config.connect_timeout = CONNECT;
        config.ejection.failures = failures;
        let (upstream, counts) = Counts::of(|| HttpUpstream::new("orders", config).unwrap());
        tokio::spawn(async move {
            loop {
                answer(good.next().await.1, "ok");
            }
        });
        let sent: Vec<_> = (0..6).map(|_| send(&upstream, post())).collect();
        let silent = silent(&listener).await;
        let mut dead = 0;
        for sent in sent {
            let sent = timeout(LONG, sent).await.unwrap().unwrap();
            if let Err(error) = sent {
                assert_eq!(error.kind(), UpstreamErrorKind::Silent);
                dead += 1;
            }
        }
        assert_eq!(dead, 3);
        assert_eq!(counts.get("ejections_total", ""), ejected);
        drop(silent);
    }
}

/// A stream that counts the questions that come by it.
struct Asked {
    inner: TcpStream,
    frames: Frames,
    /// Before the first frame.
    preface: usize,
    pings: Arc<AtomicUsize>,
}

impl AsyncRead for Asked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        let came = &buffer.filled()[before..];
        let skipped = this.preface.min(came.len());
        this.preface -= skipped;
        this.frames.follow(&came[skipped..], |head| {
            this.pings.fetch_add(
                usize::from((head.kind, head.flags) == (6, 0)),
                Ordering::SeqCst,
            );
        });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Asked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Servers of gRPC end connections on which they are asked again and again.
#[tokio::test]
async fn an_upstream_that_takes_long_is_asked_once_until_it_says_something() {
    let within = CONNECT;
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| config.connect_timeout = within);
    let pings = Arc::new(AtomicUsize::new(0));
    let mut sent = send(&upstream, get());
    let (inner, _) = listener.accept().await.unwrap();
    let asked = Asked {
        inner,
        frames: Frames::default(),
        preface: 24,
        pings: Arc::clone(&pings),
    };
    let mut connection = handshake(asked).await.unwrap();
    for times in 1..=2 {
        let (_, respond) = connection.accept().await.unwrap().unwrap();
        // The time is the thing here: it is silent for several times what it may be.
        tokio::select! {
            () = sleep(within * 4) => {}
            _ = connection.accept() => panic!("nothing more is asked"),
        }
        assert_eq!(pings.load(Ordering::SeqCst), times);
        answer(respond, "ok");
        let read = async { text(answered(sent).await).await };
        tokio::select! {
            text = read => assert_eq!(text, "ok"),
            _ = connection.accept() => panic!("nothing more is asked"),
        }
        sent = send(&upstream, get());
    }
    sent.abort();
}

/// A body without an end, and how often it was asked for more.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 65_536])))))
    }
}

/// h2 decodes nothing behind a PING whose answer it cannot write: what was read of the answer may
/// lack its content, and have its end.
#[tokio::test]
async fn an_answer_that_is_cut_before_it_was_decoded_does_not_look_whole() {
    // As much as there may be for the stream, and for the connection.
    const GREETING: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff\
        \0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";
    // A head, a PING, and the content with the end.
    const ANSWER: &[u8] = b"\0\0\x01\x01\x04\0\0\0\x01\x88\
        \0\0\x08\x06\0\0\0\0\0asked it\
        \0\0\x09\0\x01\0\0\0\x01all of it";
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| {
        config.connect_timeout = CONNECT;
        config.body_timeout = Duration::from_hours(1);
    });
    let taken = Arc::new(AtomicUsize::new(0));
    let body = ProxyBody::new(Endless(Arc::clone(&taken)), BodySource::Client);
    let sent = send(&upstream, request(Method::POST, body));
    let (mut stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    stream.write_all(GREETING).await.unwrap();
    // Until nothing more of the upload can be written.
    let mut before = 0;
    loop {
        sleep(CONNECT / 4).await;
        let now = taken.load(Ordering::SeqCst);
        if now > 0 && now == before {
            break;
        }
        before = now;
    }
    stream.write_all(ANSWER).await.unwrap();
    let answer = answered(sent).await.into_body();
    tokio::time::pause();
    // In the end the upstream is asked whether it is there, and given up.
    match answer.collect().await {
        Ok(all) => assert_eq!(all.to_bytes(), "all of it"),
        Err(error) => assert_eq!(error.kind(), BodyErrorKind::Broken),
    }
    drop(stream);
}

/// What was answered in part has more time than what was not answered at all.
#[tokio::test]
async fn an_answer_that_began_is_not_ended_by_a_short_silence() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| config.connect_timeout = CONNECT);
    let began = send(&upstream, get());
    let mut silent = silent(&listener).await;
    let (_, mut respond) = silent.accept().await.unwrap().unwrap();
    let mut stream = respond
        .send_response(::http::Response::new(()), false)
        .unwrap();
    let began = tokio::select! {
        answer = answered(began) => answer,
        _ = silent.accept() => panic!("nothing more is asked"),
    };
    assert_eq!(
        failed(send(&upstream, post())).await,
        UpstreamErrorKind::Silent
    );
    // The time is the thing here.
    sleep(CONNECT / 4).await;
    stream.send_data(Bytes::from_static(b"late"), true).unwrap();
    tokio::spawn(async move { while silent.accept().await.is_some() {} });
    assert_eq!(text(began).await, "late");
}
