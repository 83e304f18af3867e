//! Which connections are kept, and for how long.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ::http::Method;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};

use super::{OK, SHORT, Serving, full, get, request, server, text, upstream};
use crate::body::{BodySource, ProxyBody};
use crate::upstream::{HttpUpstream, Upstream};
use crate::wire::{LONG, Wire, listener};

/// Answers the first request of all with this, and the others plainly. It closes no connection.
fn first(answer: &'static str) -> impl Fn(Wire) -> Serving {
    let next = Arc::new(Mutex::new(Some(answer)));
    move |mut wire| {
        let next = Arc::clone(&next);
        Box::pin(async move {
            loop {
                wire.head().await;
                let answer = next.lock().unwrap().take().unwrap_or(OK);
                wire.send(answer).await;
            }
        })
    }
}

/// How many connections it takes to send two requests, of which the first has this answer.
async fn connections_for_two(method: Method, answer: &'static str) -> usize {
    let (address, accepted) = server(first(answer)).await;
    let upstream = upstream(address, |_| {});
    let request = request(method, ProxyBody::empty());
    text(upstream.send(request).await.unwrap()).await;
    let next = text(upstream.send(get()).await.unwrap()).await;
    assert_eq!(next, "ok", "{answer:?}");
    accepted.load(Ordering::SeqCst)
}

#[tokio::test]
async fn connection_is_used_again_after_every_kind_of_answer_that_ends() {
    for (method, answer) in [
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ),
        (Method::GET, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ),
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n",
        ),
        (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
        (Method::HEAD, "HTTP/1.1 200 OK\r\n\r\n"),
        (Method::DELETE, "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            Method::GET,
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n",
        ),
    ] {
        assert_eq!(connections_for_two(method, answer).await, 1, "{answer:?}");
    }
}

#[tokio::test]
async fn connection_in_doubt_is_never_used_again() {
    for (method, answer) in [
        (
            Method::GET,
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ),
        (
            Method::GET,
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
        ),
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        ),
        // What comes after the end of an answer is not the beginning of the next.
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\
             HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        ),
        // These announce that there will be more.
        (
            Method::GET,
            "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\n",
        ),
        (
            Method::HEAD,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ),
    ] {
        assert_eq!(connections_for_two(method, answer).await, 2, "{answer:?}");
    }
}

/// A reader that knows the length takes what there is and asks for no end, as hyper does.
#[tokio::test]
async fn reader_that_counts_leaves_the_connection_to_the_next() {
    let (address, accepted) = server(first(OK)).await;
    let upstream = upstream(address, |_| {});
    for _ in 0..5 {
        let mut body = upstream.send(get()).await.unwrap().into_body();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "ok");
        drop(body);
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connection_that_was_closed_meanwhile_costs_no_request() {
    let (address, accepted) = server(async |mut wire: Wire| {
        wire.head().await;
        wire.send(OK).await;
    })
    .await;
    let upstream = upstream(address, |_| {});
    for requests in 1..=5 {
        let request = request(Method::POST, full("x"));
        assert_eq!(text(upstream.send(request).await.unwrap()).await, "ok");
        assert_eq!(accepted.load(Ordering::SeqCst), requests);
        // Until the close has arrived.
        tokio::time::sleep(SHORT / 4).await;
    }
}

/// Opens a connection over which the upstream answered, and which it has not read to its end.
async fn unread() -> (HttpUpstream, Wire, Wire) {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    let whole = vec![b'x'; 16 * 1024 * 1024];
    let body = ProxyBody::new(Full::new(Bytes::from(whole)), BodySource::Client);
    let sent = upstream.send(request(Method::POST, body));
    let answered = async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send(OK).await;
        wire
    };
    let (answer, slow) = tokio::join!(sent, answered);
    assert_eq!(text(answer.unwrap()).await, "ok");
    let next = upstream.send(get());
    let answered = async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send(OK).await;
        wire
    };
    let (answer, quick) = tokio::join!(next, answered);
    assert_eq!(text(answer.unwrap()).await, "ok");
    (upstream, slow, quick)
}

#[tokio::test]
async fn upstream_that_reads_late_holds_nobody_up() {
    let begin = Instant::now();
    let (upstream, _slow, mut quick) = unread().await;
    // The one that was given back last is ready: nobody waits for the other.
    let answering = async {
        quick.head().await;
        quick.send(OK).await;
    };
    let (answer, ()) = tokio::join!(upstream.send(get()), answering);
    assert_eq!(text(answer.unwrap()).await, "ok");
    assert!(begin.elapsed() < LONG / 2);
}

#[tokio::test]
async fn unused_connection_is_closed_when_its_time_is_over() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |config| config.idle_timeout = SHORT);
    let (answer, mut wire) = tokio::join!(upstream.send(get()), async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send(OK).await;
        wire
    });
    assert_eq!(text(answer.unwrap()).await, "ok");
    let begin = Instant::now();
    wire.closed().await;
    let waited = begin.elapsed();
    assert!(waited >= SHORT * 3 / 4 && waited < LONG / 2, "{waited:?}");
}

#[tokio::test]
async fn kept_connections_end_with_their_upstream() {
    let (listener, address) = listener().await;
    let upstream = upstream(address, |_| {});
    let (answer, mut wire) = tokio::join!(upstream.send(get()), async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send(OK).await;
        wire
    });
    assert_eq!(text(answer.unwrap()).await, "ok");
    drop(upstream);
    wire.closed().await;
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    for (max_idle, kept) in [(0, 0), (1, 1), (2, 2)] {
        let (address, accepted) = server(first(OK)).await;
        let upstream = upstream(address, |config| config.max_idle = max_idle);
        let (one, two) = tokio::join!(upstream.send(get()), upstream.send(get()));
        text(one.unwrap()).await;
        text(two.unwrap()).await;
        let (one, two) = tokio::join!(upstream.send(get()), upstream.send(get()));
        text(one.unwrap()).await;
        text(two.unwrap()).await;
        assert_eq!(accepted.load(Ordering::SeqCst), 4 - kept, "{max_idle}");
    }
}

/// Connections are given back by one thread and taken by another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_after_the_other_needs_hardly_more_than_one_connection() {
    let (address, accepted) = server(first(OK)).await;
    let upstream = upstream(address, |_| {});
    for _ in 0..200 {
        let upstream = upstream.clone();
        let sending = async move { text(upstream.send(get()).await.unwrap()).await };
        assert_eq!(tokio::spawn(sending).await.unwrap(), "ok");
    }
    // Some more where the machine has other things to do for a while.
    assert!(accepted.load(Ordering::SeqCst) < 50, "{accepted:?}");
}
