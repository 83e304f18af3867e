//! Upstreams that are spoken to in HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::{at, everything, full, get, request, text};
use crate::body::{BodyErrorKind, BodySource, ChannelBody, ProxyBody};
use crate::upstream::config::{HealthConfig, Percent};
use crate::upstream::{
    HttpUpstream, Protocol, Upstream, UpstreamConfig, UpstreamError, UpstreamErrorKind,
};
use crate::wire::{LONG, Wire, listener};

type Arrived = (Request<RecvStream>, SendResponse<Bytes>);

/// A server of HTTP/2 that hands out its requests, and counts connections.
struct Server {
    address: SocketAddr,
    arrived: UnboundedReceiver<Arrived>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(builder: Builder) -> Self {
        let (listener, address) = listener().await;
        let (arrives, arrived) = unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (builder, arrives) = (builder.clone(), arrives.clone());
                tokio::spawn(async move {
                    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
                        return;
                    };
                    while let Some(Ok(arrived)) = connection.accept().await {
                        let _ = arrives.send(arrived);
                    }
                });
            }
        });
        Self {
            address,
            arrived,
            connections,
        }
    }

    async fn plain() -> Self {
        Self::start(Builder::new()).await
    }

    async fn next(&mut self) -> Arrived {
        timeout(LONG, self.arrived.recv()).await.unwrap().unwrap()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn upstream(address: SocketAddr, change: impl FnOnce(&mut UpstreamConfig)) -> HttpUpstream {
    super::upstream(address, |config| {
        config.protocol = Protocol::Http2;
        change(config);
    })
}

fn answer(mut respond: SendResponse<Bytes>, body: &'static str) {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream
        .send_data(Bytes::from_static(body.as_bytes()), true)
        .unwrap();
}

type Sent = tokio::task::JoinHandle<Result<Response<ProxyBody>, UpstreamError>>;

fn send(upstream: &HttpUpstream, request: Request<ProxyBody>) -> Sent {
    tokio::spawn(upstream.send(request))
}

async fn answered(sent: Sent) -> Response<ProxyBody> {
    timeout(LONG, sent).await.unwrap().unwrap().unwrap()
}

/// The code by which a stream of the server's was reset, of which no answer has begun.
async fn reset(respond: &mut SendResponse<Bytes>) -> Reason {
    let reset = std::future::poll_fn(|cx| respond.poll_reset(cx));
    timeout(LONG, reset).await.unwrap().unwrap()
}

/// The same, where one has.
async fn reset_midway(stream: &mut SendStream<Bytes>) -> Reason {
    let reset = std::future::poll_fn(|cx| stream.poll_reset(cx));
    timeout(LONG, reset).await.unwrap().unwrap()
}

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

/// Also where it is reset without an error, which is no end.
#[tokio::test]
async fn an_answer_that_is_reset_in_its_middle_broke_off() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    for reason in [Reason::NO_ERROR, Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let sent = send(&upstream, get());
        let (_request, mut respond) = server.next().await;
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream
            .send_data(Bytes::from_static(b"half"), false)
            .unwrap();
        let mut answer = answered(sent).await.into_body();
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "half");
        stream.send_reset(reason);
        let error = answer.frame().await.expect("no end").unwrap_err();
        assert_eq!(error.kind(), BodyErrorKind::Broken);
        let mut causes =
            std::iter::successors(std::error::Error::source(&error), |cause| (*cause).source());
        assert!(
            causes.all(|cause| !cause.is::<h2::Error>()),
            "not the client's business"
        );
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_that_comes_back_whole_is_sent_once_more() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    let sent = send(&upstream, request(Method::POST, ProxyBody::empty()));
    let (_, mut respond) = server.next().await;
    respond.send_reset(Reason::REFUSED_STREAM);
    answer(server.next().await.1, "ok");
    assert_eq!(text(answered(sent).await).await, "ok");
    // What may have been done is not.
    let (sender, body) = ChannelBody::new();
    let body = ProxyBody::new(body, BodySource::Client);
    let sent = send(&upstream, request(Method::POST, body));
    let (arrived, mut respond) = server.next().await;
    sender.data("begun").await;
    arrived.into_body().data().await.unwrap().unwrap();
    respond.send_reset(Reason::REFUSED_STREAM);
    let error = timeout(LONG, sent).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Closed);
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

/// The upstream allows for nothing of the upload, so that nobody asks for more of it.
#[tokio::test]
async fn an_answer_that_is_dropped_ends_its_stream_and_no_other() {
    let mut builder = Builder::new();
    builder.initial_window_size(0);
    let mut server = Server::start(builder).await;
    let upstream = upstream(server.address, |_| {});
    let begin = async |server: &mut Server, body| {
        let sent = send(&upstream, request(Method::POST, body));
        let (request, mut respond) = server.next().await;
        let stream = respond.send_response(Response::new(()), false).unwrap();
        (answered(sent).await.into_body(), request, stream)
    };
    let (ends, _request, mut stream) = begin(&mut server, full("never taken")).await;
    let (mut stays, _other, mut other) = begin(&mut server, full("other")).await;
    drop(ends);
    assert_eq!(reset_midway(&mut stream).await, Reason::CANCEL);
    other
        .send_data(Bytes::from_static(b"still here"), true)
        .unwrap();
    let frame = stays.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "still here");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_is_over_ends_its_upload() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    let (sender, body) = ChannelBody::new();
    let body = ProxyBody::new(body, BodySource::Client);
    let sent = send(&upstream, request(Method::POST, body));
    let (_request, mut respond) = server.next().await;
    sender.data("some").await;
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream
        .send_data(Bytes::from_static(b"enough"), true)
        .unwrap();
    assert_eq!(text(answered(sent).await).await, "enough");
    reset_midway(&mut stream).await;
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_reset() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |_| {});
    let sent = send(&upstream, get());
    let (_request, mut respond) = server.next().await;
    sent.abort();
    assert_eq!(reset(&mut respond).await, Reason::CANCEL);
}

#[tokio::test]
async fn what_speaks_no_http2_is_told_by_name() {
    for said in ["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", ""] {
        let (listener, address) = listener().await;
        let upstream = upstream(address, |config| config.retry.attempts = 1);
        let sent = send(&upstream, get());
        let mut wire = Wire::accept(&listener).await;
        wire.send(said).await;
        drop(wire);
        let error = timeout(LONG, sent).await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::Connect, "{error:?}");
        let all = everything(&error);
        assert!(
            all.starts_with("upstream `orders` cannot be reached"),
            "{all}"
        );
        assert!(!all.contains("127.0.0.1"), "{all}");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_none_and_the_connection_is_not_used_again() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |config| {
        config.response_timeout = super::SHORT;
    });
    let sent = send(&upstream, get());
    let (_request, mut respond) = server.next().await;
    let error = timeout(LONG, sent).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::ResponseTimeout);
    assert_eq!(reset(&mut respond).await, Reason::CANCEL);
    let sent = send(&upstream, get());
    answer(server.next().await.1, "ok");
    assert_eq!(answered(sent).await.status(), StatusCode::OK);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_without_streams_is_closed_after_a_while() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |config| config.idle_timeout = super::SHORT);
    for connections in 1..3 {
        let sent = send(&upstream, get());
        answer(server.next().await.1, "ok");
        assert_eq!(text(answered(sent).await).await, "ok");
        assert_eq!(server.connections(), connections);
        tokio::time::sleep(super::SHORT * 2).await;
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

#[tokio::test]
async fn what_is_refused_is_repeated_within_the_budget_alone() {
    let mut server = Server::plain().await;
    let upstream = upstream(server.address, |config| {
        config.retry.ratio = Percent::ZERO;
        config.retry.per_second = 0;
    });
    let sent = send(&upstream, get());
    let (_, mut respond) = server.next().await;
    respond.send_reset(Reason::REFUSED_STREAM);
    let error = timeout(LONG, sent).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Closed);
}

#[tokio::test]
async fn an_address_that_fails_each_of_its_streams_is_left_out() {
    let (mut failing, mut good) = (Server::plain().await, Server::plain().await);
    let mut config = at(&[failing.address, good.address]);
    config.protocol = Protocol::Http2;
    config.ejection.failures = 2;
    let upstream = HttpUpstream::new("orders", config).unwrap();
    tokio::spawn(async move {
        loop {
            let (_, mut respond) = failing.next().await;
            respond.send_reset(Reason::INTERNAL_ERROR);
        }
    });
    tokio::spawn(async move {
        loop {
            answer(good.next().await.1, "ok");
        }
    });
    let mut failed = 0;
    for _ in 0..12 {
        let sent = send(&upstream, request(Method::POST, ProxyBody::empty()));
        let sent = timeout(LONG, sent).await.unwrap().unwrap();
        failed += usize::from(sent.is_err());
    }
    assert_eq!(failed, 2);
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
