//! Upstreams at several addresses: who gets which request, and what becomes of those that fail.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use ::http::{Method, StatusCode};
use tokio::net::TcpListener;

use super::{Counts, OK, SHORT, at, full, get, named, nobody, request, server, text};
use crate::body::ProxyBody;
use crate::upstream::{
    Balance, HttpUpstream, Percent, Upstream, UpstreamConfig, UpstreamErrorKind,
};
use crate::wire::{Wire, eventually};

fn of(config: UpstreamConfig) -> (HttpUpstream, Counts) {
    Counts::of(|| HttpUpstream::new("orders", config).unwrap())
}

/// Who answered how many of so many requests, one after the other.
async fn answered(upstream: &HttpUpstream, times: usize) -> HashMap<String, usize> {
    let mut answered = HashMap::new();
    for _ in 0..times {
        let name = text(upstream.send(get()).await.unwrap()).await;
        *answered.entry(name).or_default() += 1;
    }
    answered
}

fn all() -> Percent {
    "100%".parse().unwrap()
}

#[tokio::test]
async fn requests_are_spread_by_weight() {
    let places = [named("a").await, named("b").await, named("c").await];
    let mut config = at(&places);
    config.endpoints[0].weight = 2;
    let (upstream, counts) = of(config);
    let found = answered(&upstream, 12).await;
    let expected = [("a", 6), ("b", 3), ("c", 3)];
    assert_eq!(
        found,
        expected
            .map(|(name, times)| (name.to_owned(), times))
            .into()
    );
    // Each has its own connection, which was used again and again.
    assert_eq!(counts.get("connections_dialled_total", ""), 3.0);
    assert_eq!(counts.get("connections_reused_total", ""), 9.0);
    assert_eq!(counts.get("connections_idle", ""), 3.0);
    assert_eq!(counts.get("addresses", "condition=\"up\""), 3.0);
}

#[tokio::test]
async fn each_place_is_told_its_own_host() {
    let (heads, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let (closing, _) = server(async |mut wire: Wire| drop(wire.head().await)).await;
    let (open, _) = server(move |mut wire: Wire| {
        let heads = heads.clone();
        async move {
            heads.send(wire.head().await).unwrap();
            wire.send(OK).await;
        }
    })
    .await;
    let (upstream, _) = of(at(&[closing, open]));
    text(upstream.send(get()).await.unwrap()).await;
    let head = seen.recv().await.unwrap();
    assert!(head.contains(&format!("host: {open}\r\n")), "{head}");
}

#[tokio::test]
async fn busy_address_gets_less() {
    let (held, _) = server(async |mut wire: Wire| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            .await;
        wire.closed().await;
    })
    .await;
    let mut config = at(&[held, named("b").await]);
    config.balance = Balance::LeastRequests;
    let (upstream, counts) = of(config);
    let under_way = loop {
        let answer = upstream.send(get()).await.unwrap();
        if answer.headers()["content-length"] == "9" {
            break answer;
        }
        text(answer).await;
    };
    let found = answered(&upstream, 20).await;
    assert_eq!(found, [("b".to_owned(), 20)].into());
    assert_eq!(counts.get("requests_in_flight", ""), 1.0);
    drop(under_way);
    assert_eq!(counts.get("requests_in_flight", ""), 0.0);
}

/// Whatever it is: nothing of it was sent.
#[tokio::test]
async fn request_that_could_not_be_sent_goes_elsewhere() {
    let mut config = at(&[nobody().await, named("b").await]);
    config.retry.ratio = Percent::ZERO;
    config.retry.per_second = 0;
    let (upstream, counts) = of(config);
    for _ in 0..20 {
        let sent = upstream.send(request(Method::POST, full("x"))).await;
        assert_eq!(text(sent.unwrap()).await, "b");
    }
    // After five failures it is left out.
    assert_eq!(counts.get("connection_failures_total", ""), 5.0);
    assert_eq!(counts.get("retries_total", "reason=\"unsent\""), 5.0);
    assert_eq!(counts.get("ejections_total", ""), 1.0);
    assert_eq!(counts.get("addresses", "condition=\"ejected\""), 1.0);
    assert_eq!(counts.get("addresses", "condition=\"up\""), 1.0);
    drop(upstream);
    eventually(async || counts.get("addresses", "condition=\"up\"") == 0.0).await;
}

#[tokio::test]
async fn idempotent_request_goes_elsewhere_where_its_connection_closed() {
    for (method, status) in [(Method::GET, Some(200)), (Method::POST, None)] {
        let (closing, closed) = server(async |mut wire: Wire| drop(wire.head().await)).await;
        let (upstream, counts) = of(at(&[closing, named("b").await]));
        let sent = upstream.send(request(method, ProxyBody::empty())).await;
        let found = sent.as_ref().map(|answer| answer.status().as_u16());
        assert_eq!(found.as_ref().ok(), status.as_ref());
        if let Err(error) = sent {
            assert_eq!(error.kind(), UpstreamErrorKind::Closed);
        }
        assert_eq!(closed.load(std::sync::atomic::Ordering::SeqCst), 1);
        let retried = f64::from(u8::from(status.is_some()));
        assert_eq!(counts.get("retries_total", "reason=\"closed\""), retried);
    }
}

#[tokio::test]
async fn request_is_tried_as_often_as_may_be_and_at_each_address_once() {
    let mut places = Vec::new();
    for _ in 0..5 {
        places.push(nobody().await);
    }
    for (attempts, addresses, tried) in [(1, 5, 1.0), (3, 5, 3.0), (10, 5, 5.0), (3, 1, 1.0)] {
        let mut config = at(&places[..addresses]);
        config.retry.attempts = attempts;
        let (upstream, counts) = of(config);
        let error = upstream.send(get()).await.unwrap_err();
        assert_eq!(error.kind(), UpstreamErrorKind::Connect);
        assert_eq!(counts.get("connection_failures_total", ""), tried);
    }
}

async fn overloaded() -> SocketAddr {
    let (address, _) = server(async |mut wire: Wire| {
        loop {
            wire.head().await;
            wire.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy")
                .await;
        }
    })
    .await;
    address
}

#[tokio::test]
async fn answers_of_these_statuses_are_asked_for_elsewhere() {
    let (busy, good) = (overloaded().await, named("b").await);
    let config = |places: &[SocketAddr], per_second| {
        let mut config = at(places);
        config.retry.statuses = vec![StatusCode::SERVICE_UNAVAILABLE];
        config.retry.ratio = Percent::ZERO;
        config.retry.per_second = per_second;
        config
    };
    for (config, method, status) in [
        (config(&[busy, good], 1), Method::GET, 200),
        // Not what may not be sent twice, not without a budget, and not where there is no other.
        (config(&[busy, good], 1), Method::POST, 503),
        (config(&[busy, good], 0), Method::GET, 503),
        (config(&[busy], 1), Method::GET, 503),
        (at(&[busy, good]), Method::GET, 503),
    ] {
        let (upstream, _) = of(config);
        let answer = upstream
            .send(request(method, ProxyBody::empty()))
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        let words = text(answer).await;
        assert_eq!(words, if status == 503 { "busy" } else { "b" });
    }
}

#[tokio::test]
async fn no_more_is_repeated_than_the_budget_allows() {
    let (closing, closed) = server(async |mut wire: Wire| drop(wire.head().await)).await;
    let (also, too) = server(async |mut wire: Wire| drop(wire.head().await)).await;
    let mut config = at(&[closing, also]);
    config.retry.ratio = "10%".parse().unwrap();
    config.retry.per_second = 0;
    config.ejection.share = Percent::ZERO;
    let (upstream, counts) = of(config);
    for _ in 0..100 {
        upstream.send(get()).await.unwrap_err();
    }
    let order = std::sync::atomic::Ordering::SeqCst;
    assert_eq!(closed.load(order) + too.load(order), 110);
    assert_eq!(counts.get("retries_total", "reason=\"closed\""), 10.0);
    assert_eq!(counts.get("retry_budget_spent_total", ""), 90.0);
}

#[tokio::test]
async fn address_that_was_left_out_is_tried_by_one_request_and_comes_back() {
    let away = nobody().await;
    let mut config = at(&[away, named("b").await]);
    config.ejection.failures = 1;
    config.ejection.base = SHORT;
    let (upstream, counts) = of(config);
    answered(&upstream, 4).await;
    assert_eq!(counts.get("connection_failures_total", ""), 1.0);
    // Its time is over, and it is still away: out again, for twice as long.
    tokio::time::sleep(SHORT + Duration::from_millis(50)).await;
    answered(&upstream, 4).await;
    assert_eq!(counts.get("connection_failures_total", ""), 2.0);
    assert_eq!(counts.get("ejections_total", ""), 2.0);
    let listener = TcpListener::bind(away).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut wire = Wire::new(stream);
            tokio::spawn(async move {
                loop {
                    wire.head().await;
                    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na")
                        .await;
                }
            });
        }
    });
    eventually(async || answered(&upstream, 2).await.contains_key("a")).await;
    let found = answered(&upstream, 4).await;
    assert_eq!(found, [("a".to_owned(), 2), ("b".to_owned(), 2)].into());
    assert_eq!(counts.get("addresses", "condition=\"up\""), 2.0);
}

#[tokio::test]
async fn where_no_address_is_left_all_of_them_are_asked() {
    let (away, other) = (nobody().await, nobody().await);
    let mut config = at(&[away, other]);
    config.ejection.failures = 1;
    config.ejection.base = Duration::from_hours(1);
    config.ejection.longest = Duration::from_hours(1);
    config.ejection.share = all();
    let (upstream, counts) = of(config);
    upstream.send(get()).await.unwrap_err();
    assert_eq!(counts.get("addresses", "condition=\"ejected\""), 2.0);
    assert_eq!(counts.get("last_resorts_total", ""), 0.0);
    upstream.send(get()).await.unwrap_err();
    assert_eq!(counts.get("last_resorts_total", ""), 1.0);
    let listener = TcpListener::bind(away).await.unwrap();
    let answering = async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send(OK).await;
    };
    let (answer, ()) = tokio::join!(upstream.send(get()), answering);
    assert_eq!(text(answer.unwrap()).await, "ok");
    assert_eq!(counts.get("addresses", "condition=\"up\""), 1.0);
}

/// What clients break, and kept connections that are closed, say nothing of an address.
#[tokio::test]
async fn what_is_not_the_upstream_s_fault_leaves_nobody_out() {
    let (forgetful, _) = server(async |mut wire: Wire| {
        wire.head().await;
        wire.send(OK).await;
        wire.head().await;
    })
    .await;
    let mut config = at(&[forgetful, named("ok").await]);
    config.ejection.failures = 1;
    config.ejection.share = all();
    let (upstream, counts) = of(config);
    for _ in 0..12 {
        assert_eq!(text(upstream.send(get()).await.unwrap()).await, "ok");
    }
    assert!(counts.get("retries_total", "reason=\"closed\"") > 0.0);
    let (sender, body) = crate::body::ChannelBody::new();
    sender.data("x").await;
    sender.fail("torn").await;
    let body = ProxyBody::new(body, crate::body::BodySource::Client);
    upstream
        .send(request(Method::POST, body))
        .await
        .unwrap_err();
    assert_eq!(counts.get("ejections_total", ""), 0.0);
}

/// One that closes kept connections is better than one that takes none.
#[tokio::test]
async fn request_stays_where_only_a_kept_connection_closed_and_the_others_are_left_out() {
    let (forgetful, _) = server(async |mut wire: Wire| {
        wire.head().await;
        wire.send(OK).await;
        wire.head().await;
    })
    .await;
    let mut config = at(&[forgetful, nobody().await]);
    config.ejection.failures = 1;
    config.ejection.base = Duration::from_hours(1);
    config.ejection.longest = Duration::from_hours(1);
    config.retry.attempts = 2;
    let (upstream, counts) = of(config);
    for _ in 0..12 {
        assert_eq!(text(upstream.send(get()).await.unwrap()).await, "ok");
    }
    assert_eq!(counts.get("connection_failures_total", ""), 1.0);
    assert!(counts.get("retries_total", "reason=\"closed\"") >= 5.0);
}
