use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ::http::Method;
use ::http::uri::Authority;
use http_body_util::BodyExt;
use tokio::net::{TcpSocket, TcpStream};

use super::{OK, SHORT, everything, full, get, request, server, text, upstream};
use crate::body::{BodyErrorKind, BodySource, ChannelBody, ProxyBody};
use crate::upstream::{
    ExchangeTimes, HttpUpstream, Percent, Upstream, UpstreamConfig, UpstreamErrorKind,
};
use crate::wire::{LONG, Wire, listener};

#[tokio::test]
async fn refused_connection_names_the_upstream_and_not_its_address() {
    let (listener, address) = listener().await;
    drop(listener);
    let error = upstream(address, |_| {}).send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Connect);
    assert_eq!(error.to_string(), "upstream `orders` cannot be reached");
    let everything = everything(&error);
    assert!(everything.contains("refused"), "{everything}");
    assert!(!everything.contains("127.0.0.1"), "{everything}");
    assert!(
        !everything.contains(&address.port().to_string()),
        "{everything}"
    );
}

#[tokio::test]
async fn unknown_name_is_no_connection() {
    let mut config = UpstreamConfig::new(Authority::from_static("no-such-host.invalid:80"));
    config.connect_timeout = LONG;
    let upstream = HttpUpstream::new("orders", config).unwrap();
    let error = upstream.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Connect);
    assert!(!everything(&error).contains("no-such-host"));
}

#[tokio::test]
async fn connection_that_is_not_taken_times_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let _full = socket.listen(1).unwrap();
    // The kernel takes as many as its queue holds, and lets the others ask again and again.
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    let upstream = upstream(address, |config| config.connect_timeout = SHORT);
    let error = upstream.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::ConnectTimeout);
}

#[tokio::test]
async fn request_arrives_with_the_upstreams_own_host_unless_it_names_one() {
    let (heads, mut seen) = tokio::sync::mpsc::channel(1);
    let (address, _) = server(move |mut wire| {
        let heads = heads.clone();
        async move {
            heads.send(wire.head().await).await.unwrap();
            wire.send(OK).await;
        }
    })
    .await;
    let upstream = upstream(address, |_| {});
    let mut named = get();
    named.headers_mut().insert("host", "other".parse().unwrap());
    for (request, host) in [(get(), address.to_string()), (named, "other".to_owned())] {
        upstream.send(request).await.unwrap();
        assert_eq!(
            seen.recv().await.unwrap(),
            format!("GET /a/b?c=d HTTP/1.1\r\nhost: {host}\r\n\r\n")
        );
    }
}

#[tokio::test]
async fn request_may_have_times_of_its_own() {
    let (address, _) = server(move |mut wire: Wire| async move {
        wire.head().await;
        wire.closed().await;
    })
    .await;
    let begin = Instant::now();
    let mut request = get();
    let times = ExchangeTimes {
        response: Some(SHORT),
        body: None,
    };
    request.extensions_mut().insert(times);
    let error = upstream(address, |config| config.response_timeout = LONG)
        .send(request)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::ResponseTimeout);
    assert!(begin.elapsed() >= SHORT && begin.elapsed() < LONG / 2);
}

#[tokio::test]
async fn silent_upstream_times_out() {
    for said in ["", "HTTP/1.1 200 O"] {
        let (address, _) = server(move |mut wire: Wire| async move {
            wire.head().await;
            wire.send(said).await;
            wire.closed().await;
        })
        .await;
        let begin = Instant::now();
        let upstream = upstream(address, |config| config.response_timeout = SHORT);
        let error = upstream.send(get()).await.unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::ResponseTimeout);
        assert!(begin.elapsed() >= SHORT && begin.elapsed() < LONG / 2);
    }
}

#[tokio::test]
async fn upstream_that_does_not_read_times_out() {
    let (address, _) = server(async |_wire: Wire| std::future::pending().await).await;
    let (sender, body) = ChannelBody::new();
    tokio::spawn(async move {
        let chunk: &'static str = "x".repeat(1024 * 1024).leak();
        for _ in 0..1024 {
            sender.data(chunk).await;
        }
    });
    let upstream = upstream(address, |config| config.response_timeout = SHORT);
    let request = request(Method::POST, ProxyBody::new(body, BodySource::Client));
    let error = upstream.send(request).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::ResponseTimeout);
}

#[tokio::test]
async fn time_of_a_slow_upload_is_not_the_upstreams() {
    let (address, _) = server(async |mut wire: Wire| {
        wire.until("0\r\n\r\n").await;
        wire.send(OK).await;
    })
    .await;
    let (sender, body) = ChannelBody::new();
    tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(SHORT * 2).await;
            sender.data("x").await;
        }
    });
    let upstream = upstream(address, |config| config.response_timeout = SHORT);
    let request = request(Method::POST, ProxyBody::new(body, BodySource::Client));
    assert_eq!(text(upstream.send(request).await.unwrap()).await, "ok");
}

#[tokio::test]
async fn stalled_upload_is_the_clients_fault() {
    let (address, _) = server(async |mut wire: Wire| drop(wire.closed().await)).await;
    let (sender, body) = ChannelBody::new();
    sender.data("x").await;
    let upstream = upstream(address, |config| config.body_timeout = SHORT);
    let request = request(Method::POST, ProxyBody::new(body, BodySource::Client));
    let error = upstream.send(request).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::RequestBodyTimeout);
    drop(sender);
}

#[tokio::test]
async fn broken_upload_is_the_clients_fault() {
    let (address, _) = server(async |mut wire: Wire| drop(wire.closed().await)).await;
    let (sender, body) = ChannelBody::new();
    sender.data("x").await;
    sender.fail("torn").await;
    let request = request(Method::POST, ProxyBody::new(body, BodySource::Client));
    let error = upstream(address, |_| {}).send(request).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::RequestBody);
}

#[tokio::test]
async fn stalled_and_broken_downloads_fail_in_the_body() {
    for (stays, kind) in [
        (true, BodyErrorKind::Stalled),
        (false, BodyErrorKind::Broken),
    ] {
        let (address, _) = server(move |mut wire: Wire| async move {
            wire.head().await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
                .await;
            if stays {
                wire.closed().await;
            }
        })
        .await;
        let upstream = upstream(address, |config| config.body_timeout = SHORT);
        let mut body = upstream.send(get()).await.unwrap().into_body();
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "half"
        );
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.from()), (kind, BodySource::Upstream));
    }
}

#[tokio::test]
async fn connection_is_kept_and_used_again() {
    let (address, accepted) = server(async |mut wire: Wire| {
        loop {
            wire.head().await;
            wire.send(OK).await;
        }
    })
    .await;
    let upstream = upstream(address, |_| {});
    for _ in 0..5 {
        assert_eq!(
            text(upstream.clone().send(get()).await.unwrap()).await,
            "ok"
        );
        // The connection is given back by a task of its own.
        tokio::time::sleep(SHORT / 2).await;
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

/// Answers the first request on each connection and closes it on the second.
async fn forgetful() -> (SocketAddr, Arc<AtomicUsize>) {
    server(async |mut wire: Wire| {
        wire.head().await;
        wire.send(OK).await;
        wire.head().await;
    })
    .await
}

#[tokio::test]
async fn idempotent_request_is_repeated_when_the_kept_connection_closes_on_it() {
    let (address, accepted) = forgetful().await;
    let upstream = upstream(address, |_| {});
    for _ in 0..2 {
        assert_eq!(text(upstream.send(get()).await.unwrap()).await, "ok");
        tokio::time::sleep(SHORT / 2).await;
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn request_that_may_not_be_repeated_is_not() {
    for (method, body) in [
        (Method::POST, ProxyBody::empty()),
        (Method::PATCH, full("x")),
        (Method::PUT, full("x")),
    ] {
        let (address, accepted) = forgetful().await;
        let upstream = upstream(address, |_| {});
        assert_eq!(text(upstream.send(get()).await.unwrap()).await, "ok");
        tokio::time::sleep(SHORT / 2).await;
        let error = upstream.send(request(method, body)).await.unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::Closed);
        assert_eq!(accepted.load(Ordering::SeqCst), 1);
    }
}

/// A server that closes what was opened for a request closes it again.
#[tokio::test]
async fn request_is_not_repeated_where_a_new_connection_closed_on_it() {
    let (address, accepted) = server(async |mut wire: Wire| drop(wire.head().await)).await;
    let error = upstream(address, |_| {}).send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Closed);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn request_is_not_repeated_once_anything_of_an_answer_came() {
    let (address, accepted) = server(async |mut wire: Wire| {
        wire.head().await;
        wire.send(OK).await;
        wire.head().await;
        wire.send("H").await;
    })
    .await;
    let upstream = upstream(address, |_| {});
    assert_eq!(text(upstream.send(get()).await.unwrap()).await, "ok");
    let error = upstream.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Closed);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn request_is_not_repeated_without_a_budget() {
    let (address, accepted) = forgetful().await;
    let upstream = upstream(address, |config| {
        config.retry.ratio = Percent::ZERO;
        config.retry.per_second = 0;
    });
    assert_eq!(text(upstream.send(get()).await.unwrap()).await, "ok");
    let error = upstream.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Closed);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn answer_that_cannot_be_handed_on_is_a_protocol_error() {
    for answer in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 999999 No\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (address, _) = server(move |mut wire: Wire| async move {
            wire.head().await;
            wire.send(answer).await;
            wire.closed().await;
        })
        .await;
        let error = upstream(address, |_| {}).send(get()).await.unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::Protocol, "{answer}");
    }
}
