use std::time::Instant;

use super::{GET, SHORT, start};
use crate::server::{Server, ServerConfig};
use crate::wire::{Wire, eventually, listener};

#[tokio::test]
async fn request_is_answered_and_knows_its_peer() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..2 {
        wire.send(GET).await;
        assert!(wire.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        wire.until(&wire.local_addr().to_string()).await;
    }
    assert_eq!(server.stats.read().accepted, 1);
    assert_eq!(server.stats.read().open, 1);
    drop(wire);
    eventually(async || server.stats.read().open == 0).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    let post = |body: &str| {
        let length = body.len();
        format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    wire.send(&(post("first") + &post("second"))).await;
    wire.until("first").await;
    wire.until("second").await;
}

#[tokio::test]
async fn upload_that_was_answered_early_goes_on() {
    let (server, world) = start(|config| {
        config.header_read_timeout = SHORT;
        config.idle_timeout = SHORT * 2;
    })
    .await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
        .await;
    wire.until("taken").await;
    for _ in 0..5 {
        tokio::time::sleep(SHORT * 3 / 2).await;
        wire.send("x").await;
    }
    world.uploaded.notified().await;
    // The whole of it came, and is still held elsewhere: no wait has begun.
    tokio::time::sleep(SHORT * 3).await;
    let counts = server.stats.read();
    assert_eq!((counts.idle_timeouts, counts.head_timeouts), (0, 0));
    wire.send(GET).await;
    wire.head().await;
    wire.until(&wire.local_addr().to_string()).await;

    wire.send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nxxxxx")
        .await;
    wire.until("taken").await;
    world.uploaded.notified().await;
    let begin = Instant::now();
    world.hold.add_permits(2);
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() >= SHORT * 2);
    assert_eq!(server.stats.read().idle_timeouts, 1);
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_one_waits() {
    let (server, _world) = start(|config| config.max_connections = 1).await;
    let mut first = Wire::connect(server.address).await;
    first.send(GET).await;
    first.head().await;
    let mut second = Wire::connect(server.address).await;
    second.send(GET).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(server.stats.read().accepted, 1);
    drop(first);
    second.head().await;
    assert_eq!(server.stats.read().accepted, 2);
}

#[tokio::test]
async fn refusal_of_an_upload_reaches_its_sender() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n")
        .await;
    wire.until("refused").await;
    // A client that only reads once it has sent all must not be stopped by a reset.
    for _ in 0..9 {
        wire.send(&"x".repeat(100_000)).await;
        tokio::time::sleep(SHORT / 40).await;
    }
    assert_eq!(wire.closed_in_order().await.expect("no reset"), "");
    eventually(async || server.stats.read().open == 0).await;
}

#[tokio::test]
async fn panic_in_the_service_ends_its_connection_alone() {
    let (server, _world) = start(|config| config.max_connections = 1).await;
    for _ in 0..3 {
        let mut wire = Wire::connect(server.address).await;
        wire.send("GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(wire.closed().await, "");
    }
    let mut wire = Wire::connect(server.address).await;
    wire.send(GET).await;
    wire.head().await;
}

#[tokio::test]
async fn setting_outside_of_its_range_is_refused() {
    let (listener, _) = listener().await;
    let config = ServerConfig {
        max_header_size: 100,
        ..ServerConfig::default()
    };
    let error = Server::new(listener, config).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`max_header_size` must be 1024 to 1048576 bytes"
    );
}

#[tokio::test]
async fn answer_to_the_last_request_of_a_connection_says_so() {
    let (server, _world) = start(|config| config.max_requests = 2).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(&GET.repeat(3)).await;
    let answers = wire.closed_in_order().await.expect("no reset");
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
    assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
}
