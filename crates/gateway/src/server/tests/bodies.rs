use std::time::{Duration, Instant};

use super::{GET, start};
use crate::body::BodyErrorKind;
use crate::wire::{Wire, eventually};

const CHUNKED: &str = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn chunked_bodies_arrive_and_the_connection_is_kept() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..2 {
        wire.send(CHUNKED).await;
        for piece in [
            "5;a=b\r",
            "\nfirs",
            "t\r\n6\r\nsecond\r\n0\r\nx: y\r",
            "\n\r\n",
        ] {
            wire.send(piece).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        wire.until("firstsecond").await;
    }
}

#[tokio::test]
async fn body_that_is_none_fails_and_the_next_message_is_not_looked_for() {
    let (server, world) = start(|_| {}).await;
    for (sent, with_its_head) in [("5\r\nhello!", false), ("x", true), ("5\nhello\r\n", false)] {
        let mut wire = Wire::connect(server.address).await;
        let behind = format!("{sent}0\r\n\r\n{GET}");
        if with_its_head {
            wire.send(&format!("{CHUNKED}{behind}")).await;
        } else {
            wire.send(CHUNKED).await;
            wire.send(&behind).await;
        }
        let answer = wire.closed_in_order().await.expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    let echoed = world.echoed.lock().unwrap();
    assert_eq!(*echoed, [Err(BodyErrorKind::Malformed); 3]);
}

#[tokio::test]
async fn body_that_breaks_off_is_not_whole() {
    let (server, world) = start(|_| {}).await;
    let counted = CHUNKED.replace("transfer-encoding: chunked", "content-length: 9");
    for sent in [
        CHUNKED.to_owned() + "5\r\nhello\r\n0\r\n",
        counted + "hello",
    ] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(&sent).await;
        wire.finish().await;
        wire.closed().await;
    }
    eventually(async || world.echoed.lock().unwrap().len() == 2).await;
    let echoed = world.echoed.lock().unwrap();
    assert_eq!(*echoed, [Err(BodyErrorKind::Broken); 2]);
}

/// In HTTP/1.0 the end of the connection is that of the answer: a part must not look whole.
#[tokio::test]
async fn answer_that_breaks_off_ends_in_a_reset_where_nothing_else_tells() {
    let (server, _world) = start(|_| {}).await;
    let mut old = Wire::connect(server.address).await;
    old.send("GET /broken HTTP/1.0\r\n\r\n").await;
    old.closed_in_order().await.expect_err("a reset");

    let mut new = Wire::connect(server.address).await;
    new.send("GET /broken HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let answer = new.closed_in_order().await.expect("no reset");
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn answer_that_its_client_s_end_breaks_off_ends_in_a_reset() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /endless HTTP/1.0\r\n\r\n").await;
    wire.head().await;
    wire.finish().await;
    wire.closed_in_order().await.expect_err("a reset");
}

#[tokio::test]
async fn request_is_cut_though_its_client_takes_nothing() {
    let (server, world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    wire.head().await;
    // By now the buffers are full, and nobody polls the answer.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begin = Instant::now();
    world.cut_last();
    eventually(async || server.stats.read().open == 0).await;
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(server.stats.read().requests_cut, 1);
    wire.closed_in_order().await.expect_err("a reset");
}

#[tokio::test]
async fn upload_is_cut_though_its_client_sends_nothing() {
    let (server, world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(CHUNKED).await;
    wire.send("5\r\nhello\r\n").await;
    world.came.notified().await;
    world.cut_last();
    eventually(async || server.stats.read().open == 0).await;
    assert_eq!(server.stats.read().requests_cut, 1);
}

/// Its lifeline is the connection's no more.
#[tokio::test]
async fn cut_of_an_earlier_request_leaves_the_next_alone() {
    let (server, world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(GET).await;
    wire.until(&wire.local_addr().to_string()).await;
    wire.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    eventually(async || world.lifelines.lock().unwrap().len() == 2).await;
    let first = world.lifelines.lock().unwrap().remove(0);
    first.cut(crate::server::EndReason::Draining);
    wire.until("slow").await;
    assert_eq!(server.stats.read().requests_cut, 0);
}
