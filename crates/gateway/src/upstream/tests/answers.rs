//! Answers that cannot be handed on, and those that break off.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use ::http::Method;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{OK, Serving, everything, full, get, request, server, text, upstream};
use crate::body::{BodyErrorKind, BodySource, ChannelBody, ProxyBody};
use crate::upstream::{Upstream, UpstreamErrorKind};
use crate::wire::{Wire, listener};

/// Answers every request on every connection with the same.
fn always(answer: String) -> impl Fn(Wire) -> Serving {
    move |mut wire| {
        let answer = answer.clone();
        Box::pin(async move {
            loop {
                wire.head().await;
                wire.send(&answer).await;
            }
        })
    }
}

#[tokio::test]
async fn answer_whose_end_is_in_doubt_is_none() {
    for (fields, content, told) in [
        (
            "content-length: 2\r\ntransfer-encoding: chunked",
            "2\r\nok\r\n0\r\n\r\n",
            "a length and a transfer coding",
        ),
        (
            "content-length: 2\r\ncontent-length: 2",
            "ok",
            "several lengths",
        ),
        ("content-length: 2, 2", "ok", "is no number"),
        (
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "2\r\nok\r\n0\r\n\r\n",
            "other than chunked",
        ),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{content}");
        let (address, accepted) = server(always(answer)).await;
        let upstream = upstream(address, |_| {});
        for requests in 1..=2 {
            let error = upstream.send(get()).await.unwrap_err();
            assert_eq!(error.kind(), UpstreamErrorKind::Protocol, "{fields}");
            let everything = everything(&error);
            assert!(everything.contains(told), "{everything}");
            assert_eq!(accepted.load(Ordering::SeqCst), requests, "{fields}");
        }
    }
}

#[tokio::test]
async fn head_beyond_its_bound_is_no_answer() {
    let long = format!("x-long: {}\r\n", "x".repeat(2000));
    let many = "x: y\r\n".repeat(101);
    for (fields, kind) in [
        (long, Some(UpstreamErrorKind::Protocol)),
        (many, Some(UpstreamErrorKind::Protocol)),
        ("x: y\r\n".repeat(90), None),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok");
        let (address, _) = server(always(answer)).await;
        let upstream = upstream(address, |config| config.max_header_size = 1024);
        let answer = upstream.send(get()).await;
        assert_eq!(answer.err().map(|error| error.kind()), kind);
    }
}

#[tokio::test]
async fn informational_answers_come_before_the_answer() {
    let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let (address, accepted) = server(always(format!("{hints}{OK}"))).await;
    let upstream = upstream(address, |_| {});
    for _ in 0..3 {
        let answer = upstream.send(get()).await.unwrap();
        assert!(answer.headers().get("link").is_none());
        assert_eq!(text(answer).await, "ok");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

/// Takes connections and resets each after the head of a request and these bytes of an answer.
async fn resetting(said: &'static str) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            stream.write_all(said.as_bytes()).await.unwrap();
            // What was said is to arrive before the reset throws it away.
            stream.read_u8().await.unwrap();
            stream.set_zero_linger().unwrap();
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

#[tokio::test]
async fn reset_within_a_head_is_no_answer() {
    let address = resetting("HTTP/1.1 200 O").await;
    let upstream = upstream(address, |_| {});
    let request = request(Method::POST, full("x"));
    let error = upstream.send(request).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Closed);
}

#[tokio::test]
async fn reset_within_a_body_breaks_it_off() {
    for said in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhalf",
    ] {
        let address = resetting(said).await;
        let upstream = upstream(address, |_| {});
        let (sender, body) = ChannelBody::new();
        let body = ProxyBody::new(body, BodySource::Client);
        let answer = upstream.send(request(Method::POST, body)).await.unwrap();
        let mut body = answer.into_body();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "half");
        sender.data("x").await;
        let error = body.frame().await.unwrap().unwrap_err();
        let found = (error.kind(), error.from());
        assert_eq!(found, (BodyErrorKind::Broken, BodySource::Upstream));
    }
}

#[tokio::test]
async fn upstream_that_closes_its_half_has_not_answered() {
    for method in [Method::GET, Method::POST] {
        let (listener, address) = listener().await;
        let (count, mut counted) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                read_head(&mut stream).await;
                stream.shutdown().await.unwrap();
                open.push(stream);
                count.send(()).unwrap();
            }
        });
        let upstream = upstream(address, |_| {});
        let sent = upstream.send(request(method, ProxyBody::empty())).await;
        assert_eq!(sent.unwrap_err().kind(), UpstreamErrorKind::Closed);
        counted.recv().await.unwrap();
        assert!(counted.try_recv().is_err(), "it was sent once more");
    }
}
