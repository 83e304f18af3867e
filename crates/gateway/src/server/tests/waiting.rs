use std::time::Instant;

use super::{GET, SHORT, start};
use crate::wire::{LONG, Wire, eventually};

#[tokio::test]
async fn connection_that_says_nothing_is_cut() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    let begin = Instant::now();
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() >= SHORT);
    assert_eq!(server.stats.read().head_timeouts, 1);
}

#[tokio::test]
async fn empty_line_behind_a_body_begins_no_head() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello\r\n")
        .await;
    wire.until(&wire.local_addr().to_string()).await;
    tokio::time::sleep(SHORT * 2).await;
    wire.send(GET).await;
    let answer = wire.until(&wire.local_addr().to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(server.stats.read().head_timeouts, 0);
}

#[tokio::test]
async fn head_that_comes_in_drops_is_cut() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    for with_request_before in [false, true] {
        let mut wire = Wire::connect(server.address).await;
        if with_request_before {
            wire.send(GET).await;
            wire.until(&wire.local_addr().to_string()).await;
        }
        let begin = Instant::now();
        let mut sent = 0;
        while wire.try_send(&GET[sent % 10..=sent % 10]).await.is_ok() {
            sent += 1;
            assert!(begin.elapsed() < LONG, "still open after {sent} bytes");
            tokio::time::sleep(SHORT / 10).await;
        }
        assert!(begin.elapsed() >= SHORT);
    }
    assert_eq!(server.stats.read().head_timeouts, 2);
}

#[tokio::test]
async fn kept_connection_without_a_request_is_closed() {
    let (server, _world) = start(|config| config.idle_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        wire.send(GET).await;
        wire.until(&wire.local_addr().to_string()).await;
        tokio::time::sleep(SHORT / 3).await;
    }
    let begin = Instant::now();
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() < LONG / 2);
    let counts = server.stats.read();
    assert_eq!((counts.idle_timeouts, counts.head_timeouts), (1, 0));
}

#[tokio::test]
async fn kept_connection_may_be_idle_longer_than_a_head_may_take() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..2 {
        wire.send(GET).await;
        wire.until(&wire.local_addr().to_string()).await;
        tokio::time::sleep(SHORT * 2).await;
    }
    wire.send(GET).await;
    wire.head().await;
}

#[tokio::test]
async fn answer_may_take_longer_than_head_and_idle_timeouts() {
    let (server, _world) = start(|config| {
        config.header_read_timeout = SHORT;
        config.idle_timeout = SHORT;
    })
    .await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    wire.until("slow").await;
    assert_eq!(server.stats.read().idle_timeouts, 0);
}

#[tokio::test]
async fn client_that_takes_nothing_is_cut() {
    let (server, _world) = start(|config| config.write_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    eventually(async || server.stats.read().write_timeouts == 1).await;
    eventually(async || server.stats.read().open == 0).await;
}
