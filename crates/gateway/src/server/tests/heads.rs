use std::time::{Duration, Instant};

use super::{GET, LARGE, SHORT, start};
use crate::wire::{LONG, Wire, eventually};

#[tokio::test]
async fn heads_are_bounded() {
    let (server, _world) = start(|config| {
        config.max_header_size = 2048;
        config.max_headers = 5;
    })
    .await;
    for head in [
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
            "y".repeat(2048)
        ),
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "y".repeat(128 * 1024)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(6)),
    ] {
        let mut wire = Wire::connect(server.address).await;
        let _ = wire.try_send(&head).await;
        let answer = wire.closed().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut wire = Wire::connect(server.address).await;
    wire.send(&format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(5)))
        .await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn refusal_of_a_head_waits_for_the_answers_before_it() {
    let (server, world) = start(|_| {}).await;
    let all = world.gate.acquire_many(1 << 20).await.unwrap();
    world.gate.forget_permits(usize::MAX);
    let mut wire = Wire::connect(server.address).await;
    let bad = "GET / HTTP/1.1\nhost: a\r\n\r\n";
    wire.send(&format!("{GET}{GET}{bad}{GET}")).await;
    world.came.notified().await;
    drop(all);
    let answers = wire.closed_in_order().await.expect("no reset");
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|answer| answer.get(..3))
        .collect();
    assert_eq!(statuses, ["200", "200", "400"], "{answers}");
    assert!(answers.contains("connection: close\r\n"), "{answers}");
    assert!(answers.ends_with("bare_line_feed"), "{answers}");
}

#[tokio::test]
async fn late_head_has_its_answer() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    for before in ["", GET] {
        let mut wire = Wire::connect(server.address).await;
        if !before.is_empty() {
            wire.send(GET).await;
            wire.until(&wire.local_addr().to_string()).await;
        }
        let begin = Instant::now();
        wire.send("GET / HTTP/1.1\r\nhost: ").await;
        let answer = wire.closed_in_order().await.expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.ends_with("late"), "{answer}");
        assert!(begin.elapsed() < LONG / 2);
    }
    assert_eq!(server.stats.read().head_timeouts, 2);
}

#[tokio::test]
async fn head_that_came_in_time_is_not_late() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT * 2).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        for piece in ["GET / HT", "TP/1.1\r\nhost: a\r\n\r", "\n"] {
            wire.send(piece).await;
            tokio::time::sleep(SHORT / 8).await;
        }
        wire.until(&wire.local_addr().to_string()).await;
        tokio::time::sleep(SHORT * 5 / 2).await;
    }
    assert_eq!(server.stats.read().head_timeouts, 0);
}

#[tokio::test]
async fn connect_is_refused_and_the_whole_answer_arrives() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n")
        .await;
    tokio::time::sleep(SHORT).await;
    let answer = wire.closed_in_order().await.expect("no reset");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 501 "), "{head}");
    assert_eq!(body.len(), LARGE);
}

/// hyper closes a connection that may change its protocol before the last of its answer is out.
#[tokio::test]
async fn last_answer_arrives_whole_though_another_protocol_was_asked_for() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nCONNECT a:1 \
         HTTP/1.1\r\n\r\n",
    )
    .await;
    tokio::time::sleep(SHORT).await;
    let answers = wire.closed_in_order().await.expect("no reset");
    assert!(answers.starts_with("HTTP/1.1 200 "));
    let (_, body) = answers.rsplit_once("\r\n\r\n").expect("a head");
    assert_eq!(body.len(), LARGE);
}

#[tokio::test]
async fn refusal_of_a_head_reaches_a_client_that_still_sends_it() {
    let (server, world) = start(|_| {}).await;
    for (begin, status) in [("GET / HTTP/1.1\nx: ", 400), ("GET / HTTP/1.1\r\nx: ", 431)] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(begin).await;
        if status == 400 {
            // All that came is read, and what follows is still to come.
            world.came.notified().await;
        }
        // It reads only once it has sent all, which a reset would make pointless.
        for _ in 0..9 {
            tokio::time::sleep(SHORT / 40).await;
            wire.send(&"y".repeat(100_000)).await;
        }
        let answer = wire.closed_in_order().await.expect("no reset");
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{answer}");
    }
    eventually(async || server.stats.read().open == 0).await;
}

#[tokio::test]
async fn head_that_breaks_off_is_no_request() {
    let (server, world) = start(|_| {}).await;
    let wire = Wire::connect(server.address).await;
    let mut wire = wire;
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    wire.finish().await;
    let begin = Instant::now();
    assert_eq!(wire.closed().await, "");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(world.lifelines.lock().unwrap().is_empty());
}

#[tokio::test]
async fn pipelined_requests_are_answered_though_their_client_has_sent_its_last() {
    let (server, _world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    let last = GET.replace("host", "connection: close\r\nhost");
    wire.send(&format!("{GET}{GET}{last}")).await;
    wire.finish().await;
    let answers = wire.closed().await;
    // While it answers the last one, hyper takes the end of what comes for that of the client.
    assert!(answers.matches("HTTP/1.1 200 ").count() >= 2, "{answers}");
}
