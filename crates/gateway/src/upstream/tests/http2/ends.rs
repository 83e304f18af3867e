//! How exchanges end that are alone in that.

use ::http::{HeaderMap, Method, Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use h2::Reason;
use h2::server::Builder;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::{Server, answered, reset, reset_midway, send, upstream};
use crate::body::{BodyErrorKind, BodySource, ChannelBody, ProxyBody};
use crate::upstream::tests::{full, get, request, text};
use crate::wire::{LONG, listener};

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

/// As of servers that refuse an upload and do not wait for it.
#[tokio::test]
async fn an_early_answer_that_is_whole_stays_so_where_its_connection_ends() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    for (ends, trails) in [(true, false), (true, true), (false, false)] {
        let (sender, body) = ChannelBody::new();
        let body = ProxyBody::new(body, BodySource::Client);
        let sent = send(&upstream, request(Method::POST, body));
        let (stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_request, mut respond) = connection.accept().await.unwrap().unwrap();
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        let is_last = ends && !trails;
        stream
            .send_data(Bytes::from_static(b"all of it"), is_last)
            .unwrap();
        if trails {
            stream.send_trailers(HeaderMap::new()).unwrap();
        }
        // Nobody reads before all of it is there, and the end.
        assert!(connection.accept().now_or_never().is_none());
        drop((connection, stream, respond, _request));
        let answer = answered(sent).await.into_body().collect().await;
        match ends {
            true => assert_eq!(answer.unwrap().to_bytes(), "all of it"),
            false => assert_eq!(answer.unwrap_err().kind(), BodyErrorKind::Broken),
        }
        drop(sender);
    }
}
