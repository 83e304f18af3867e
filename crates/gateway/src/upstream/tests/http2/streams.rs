//! What passes on streams, and which connection they are on.

use ::http::{HeaderMap, HeaderValue, Method, Response};
use bytes::Bytes;
use h2::server::Builder;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Server, answer, answered, send, upstream};
use crate::body::{BodySource, ChannelBody, ProxyBody};
use crate::upstream::config::HealthConfig;
use crate::upstream::tests::{Counts, SHORT, get, request, text};
use crate::wire::{LONG, eventually, listener};

#[tokio::test]
async fn requests_that_come_together_share_one_connection() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    let sent: Vec<_> = (0..20).map(|_| send(&upstream, get())).collect();
    let mut arrived = Vec::new();
    for _ in 0..20 {
        arrived.push(server.next().await.1);
    }
    assert_eq!(server.connections(), 1);
    for respond in arrived {
        answer(respond, "ok");
    }
    for sent in sent {
        assert_eq!(text(answered(sent).await).await, "ok");
    }
}

#[tokio::test]
async fn a_further_connection_is_opened_where_one_is_full() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(2);
    let mut server = Server::start(builder).await;
    let upstream = upstream(server.address, |_| {});
    let sent: Vec<_> = (0..5).map(|_| send(&upstream, get())).collect();
    let mut arrived = Vec::new();
    for _ in 0..5 {
        arrived.push(server.next().await.1);
    }
    assert_eq!(server.connections(), 3);
    arrived
        .into_iter()
        .for_each(|respond| answer(respond, "ok"));
    for sent in sent {
        assert_eq!(text(answered(sent).await).await, "ok");
    }
    let again = send(&upstream, get());
    answer(server.next().await.1, "ok");
    answered(again).await;
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn heads_bodies_and_trailers_pass_whole() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    let (sender, body) = ChannelBody::new();
    let mut sending = request(Method::POST, ProxyBody::new(body, BodySource::Client));
    let fields = [
        ("te", "trailers"),
        ("connection", "te"),
        ("transfer-encoding", "chunked"),
    ];
    for (name, value) in fields {
        let value = HeaderValue::from_static(value);
        sending.headers_mut().insert(name, value);
    }
    let sent = send(&upstream, sending);
    let (request, mut respond) = server.next().await;
    let authority = server.address.to_string();
    assert_eq!(request.uri().authority().unwrap().as_str(), authority);
    assert_eq!(request.uri().path_and_query().unwrap(), "/a/b?c=d");
    assert_eq!(request.headers().len(), 1, "{request:?}");
    assert_eq!(request.headers()["te"], "trailers");
    // The answer begins before the request is over.
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    let mut answer = answered(sent).await.into_body();
    let mut body = request.into_body();
    for piece in ["one", "two"] {
        sender.data(piece).await;
        assert_eq!(body.data().await.unwrap().unwrap(), piece);
        stream.send_data(Bytes::from(piece), false).unwrap();
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    sender.trailers("x-sum", "1").await;
    assert!(body.data().await.is_none());
    assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "1");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers).unwrap();
    let frame = answer.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap()["grpc-status"], "0");
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn answers_without_content_are_over_with_their_head() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    for (method, status, length) in [
        (Method::HEAD, 200, Some("5")),
        (Method::GET, 204, None),
        (Method::GET, 304, None),
    ] {
        let sent = send(&upstream, request(method, ProxyBody::empty()));
        let mut head = Response::builder().status(status);
        if let Some(length) = length {
            head = head.header("content-length", length);
        }
        let mut respond = server.next().await.1;
        respond.send_response(head.body(()).unwrap(), true).unwrap();
        let answer = answered(sent).await;
        assert_eq!(answer.status(), status);
        assert!(answer.body().is_end_stream());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_is_closed_costs_no_request() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    for _ in 0..2 {
        let sent = send(&upstream, get());
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, respond) = connection.accept().await.unwrap().unwrap();
        answer(respond, "ok");
        connection.graceful_shutdown();
        let ending = tokio::spawn(async move { connection.accept().await.is_none() });
        assert_eq!(text(answered(sent).await).await, "ok");
        assert!(ending.await.unwrap());
    }
}

#[tokio::test]
async fn a_connection_without_streams_is_closed_after_a_while() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |config| config.idle_timeout = SHORT);
    for connections in 1..3 {
        let sent = send(&upstream, get());
        answer(server.next().await.1, "ok");
        assert_eq!(text(answered(sent).await).await, "ok");
        assert_eq!(server.connections(), connections);
        eventually(async || server.closed() == connections).await;
    }
}

#[tokio::test]
async fn questions_are_asked_in_http2_and_for_the_fixed_host() {
    let mut server = Server::plain().await;
    let _upstream = upstream(server.address, |config| {
        config.host = Some(HeaderValue::from_static("asked.test"));
        config.health = Some(HealthConfig::new("/up".parse().unwrap()));
    });
    let (request, mut respond) = server.next().await;
    assert_eq!(*request.uri(), *"http://asked.test/up");
    assert_eq!(request.headers()["user-agent"], "portcullis-health");
    respond.send_response(Response::new(()), true).unwrap();
}

/// Each of the small messages takes more room here than its octets.
#[tokio::test]
async fn those_who_do_not_read_small_messages_hold_up_nobody() {
    const STANDING: usize = 10;
    const MESSAGES: usize = 2_000;
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    let mut standing = Vec::new();
    for _ in 0..STANDING {
        let sent = send(&upstream, get());
        let (_, mut respond) = server.next().await;
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        for _ in 0..MESSAGES {
            stream
                .send_data(Bytes::from_static(&[b'm'; 32]), false)
                .unwrap();
        }
        standing.push((answered(sent).await, stream));
    }
    let sent = send(&upstream, get());
    answer(server.next().await.1, "ok");
    assert_eq!(text(answered(sent).await).await, "ok");
    for (answer, mut stream) in standing {
        stream.send_data(Bytes::new(), true).unwrap();
        let whole = answer
            .into_body()
            .collect()
            .await
            .expect("nothing ended it");
        assert_eq!(whole.to_bytes().len(), 32 * MESSAGES);
    }
    assert_eq!(server.connections(), 1);
}

/// A server that takes one request a connection, and greets nobody before so many are there.
#[tokio::test]
async fn as_many_connections_are_opened_at_once_as_those_who_wait_need() {
    const TOGETHER: usize = 4;
    let mut builder = Builder::new();
    builder.max_concurrent_streams(1);
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| config.connect_timeout = LONG);
    let greet = async || {
        let (stream, _) = listener.accept().await.unwrap();
        builder.handshake::<_, Bytes>(stream).await.unwrap()
    };
    // How many places there are is learned from the first.
    let first = send(&upstream, get());
    let mut connection = greet().await;
    let (_request, _respond) = connection.accept().await.unwrap().unwrap();
    let _driving =
        AbortOnDropHandle::new(tokio::spawn(
            async move { connection.accept().await.is_none() },
        ));
    let sent: Vec<_> = (0..TOGETHER).map(|_| send(&upstream, get())).collect();
    let mut streams = Vec::new();
    for _ in 0..TOGETHER {
        let accepted = timeout(LONG, listener.accept()).await;
        streams.push(accepted.expect("in a row").unwrap().0);
    }
    for stream in streams {
        let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
        tokio::spawn(async move {
            while let Some(Ok((_, respond))) = connection.accept().await {
                answer(respond, "ok");
            }
        });
    }
    for sent in sent {
        assert_eq!(text(answered(sent).await).await, "ok");
    }
    first.abort();
}

#[tokio::test]
async fn a_connection_without_streams_is_counted_as_unused() {
    let mut server = Server::plain().await;
    let address = server.address;
    let (upstream, counts) = Counts::of(|| upstream(address, |_| {}));
    let idle = || counts.get("connections_idle", "");
    for _ in 0..2 {
        let (one, other) = (send(&upstream, get()), send(&upstream, get()));
        let (first, second) = (server.next().await.1, server.next().await.1);
        assert_eq!(idle(), 0.0);
        answer(first, "ok");
        answer(second, "ok");
        for sent in [one, other] {
            assert_eq!(text(answered(sent).await).await, "ok");
        }
        assert_eq!(idle(), 1.0);
    }
    drop(upstream);
    eventually(async || idle() == 0.0).await;
}

#[tokio::test]
async fn a_connection_that_its_upstream_closed_is_not_counted_as_unused() {
    let (listener, address) = listener().await;
    let (upstream, counts) = Counts::of(|| upstream(address, |_| {}));
    let idle = || counts.get("connections_idle", "");
    let sent = send(&upstream, get());
    let (stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let (_, respond) = connection.accept().await.unwrap().unwrap();
    answer(respond, "ok");
    let driving = tokio::spawn(async move { while connection.accept().await.is_some() {} });
    assert_eq!(text(answered(sent).await).await, "ok");
    eventually(async || idle() == 1.0).await;
    driving.abort();
    eventually(async || idle() == 0.0).await;
}
