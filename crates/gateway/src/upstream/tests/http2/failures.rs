//! Requests that are not answered, and which of them are sent again.

use ::http::{Method, StatusCode};
use h2::Reason;
use tokio::time::timeout;

use super::{Server, answer, answered, reset, send, upstream};
use crate::body::{BodySource, ChannelBody, ProxyBody};
use crate::upstream::config::Percent;
use crate::upstream::tests::{
    Counts, SHORT, at, everything, get, nobody, request, text, upgrading,
};
use crate::upstream::{HttpUpstream, Protocol, Upstream as _, UpstreamErrorKind};
use crate::wire::{LONG, Wire, listener};

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
        config.response_timeout = SHORT;
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

/// It is not even asked whether it is there.
#[tokio::test]
async fn an_upstream_that_is_asked_in_http2_alone_changes_no_protocols() {
    let mut config = at(&[nobody().await]);
    config.protocol = Protocol::Http2;
    let (upstream, counts) = Counts::of(|| HttpUpstream::new("orders", config).unwrap());
    let error = upstream.send(upgrading()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::NoUpgrade);
    assert_eq!(counts.get("connection_failures_total", ""), 0.0);
}
