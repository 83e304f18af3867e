//! How many requests an upstream is given at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis::reject::Dialect;
use tokio::sync::Semaphore;

use super::{OK, SHORT, get, server, text, upstream};
use crate::body::ProxyBody;
use crate::problem;
use crate::upstream::{Upstream, UpstreamConfig, UpstreamErrorKind};
use crate::wire::{LONG, Wire, eventually};

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha";

fn narrow(max_waiting: usize, wait: Duration) -> impl FnOnce(&mut UpstreamConfig) {
    move |config| {
        config.max_requests = 1;
        config.max_waiting = max_waiting;
        config.wait_timeout = wait;
    }
}

#[tokio::test]
async fn request_beyond_the_room_is_refused_and_told_when_to_come_back() {
    let (address, accepted) = server(async |mut wire: Wire| {
        wire.head().await;
        wire.send(HALF).await;
        wire.closed().await;
    })
    .await;
    for (max_waiting, wait, waited) in [(0, LONG, Duration::ZERO), (1, SHORT, SHORT)] {
        accepted.store(0, Ordering::SeqCst);
        let upstream = upstream(address, narrow(max_waiting, wait));
        // Its answer has begun, and is not over.
        let _answer = upstream.send(get()).await.unwrap();
        let begin = Instant::now();
        let error = upstream.send(get()).await.unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::Full);
        assert!(begin.elapsed() >= waited && begin.elapsed() < LONG / 2);
        let refusal = problem::of_upstream(&error, Dialect::Http);
        assert_eq!(refusal.status(), 503);
        assert_eq!(refusal.headers()["retry-after"], "1");
        assert_eq!(accepted.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn request_waits_for_another_to_end_and_no_more_wait_than_may() {
    let (address, accepted) = server(async |mut wire: Wire| {
        loop {
            wire.head().await;
            wire.send(OK).await;
        }
    })
    .await;
    let upstream = upstream(address, narrow(1, LONG));
    let first = upstream.send(get()).await.unwrap();
    let second = tokio::spawn(upstream.send(get()));
    tokio::task::yield_now().await;
    let third = upstream.send(get()).await.unwrap_err();
    assert_eq!(third.kind(), UpstreamErrorKind::Full);
    assert_eq!(text(first).await, "ok");
    assert_eq!(text(second.await.unwrap().unwrap()).await, "ok");
    // Whoever waited found the connection of the one that ended.
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn every_end_of_a_request_makes_room_again() {
    let (address, _) = server(async |mut wire: Wire| {
        let head = wire.head().await;
        if head.starts_with("GET") {
            wire.send(HALF).await;
            wire.closed().await;
        }
    })
    .await;
    let upstream = upstream(address, narrow(0, LONG));
    let post = || super::request(::http::Method::POST, ProxyBody::empty());
    // Dropped with half of its answer read; broken off; given up before an answer came.
    for _ in 0..2 {
        drop(upstream.send(get()).await.unwrap());
        let error = upstream.send(post()).await.unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::Closed);
        let given_up = tokio::spawn(upstream.send(get()));
        tokio::task::yield_now().await;
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test]
async fn never_more_requests_are_under_way_than_allowed() {
    let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let go = Arc::new(Semaphore::new(0));
    let (seen, open, gate) = (Arc::clone(&most), Arc::clone(&now), Arc::clone(&go));
    let (address, _) = server(move |mut wire: Wire| {
        let (seen, open, gate) = (Arc::clone(&seen), Arc::clone(&open), Arc::clone(&gate));
        async move {
            loop {
                wire.head().await;
                seen.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                open.fetch_sub(1, Ordering::SeqCst);
                wire.send(OK).await;
            }
        }
    })
    .await;
    let upstream = upstream(address, |config| {
        config.max_requests = 3;
        config.wait_timeout = LONG;
    });
    let sending: Vec<_> = (0..12)
        .map(|_| {
            let upstream = upstream.clone();
            tokio::spawn(async move { text(upstream.send(get()).await.unwrap()).await })
        })
        .collect();
    eventually(async || now.load(Ordering::SeqCst) == 3).await;
    go.add_permits(12);
    for sent in sending {
        assert_eq!(sent.await.unwrap(), "ok");
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}
