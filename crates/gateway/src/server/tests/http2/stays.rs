use std::time::{Duration, Instant};

use super::{Client, GOAWAY, HEADERS, PING};
use crate::server::tests::{SHORT, start};
use crate::server::{Http2Config, ShutdownReport};
use crate::wire::Wire;

const NO_ERROR: u32 = 0;

#[tokio::test]
async fn shutdown_tells_clients_to_go_and_lets_requests_finish() {
    let (server, world) = start(|_| {}).await;
    let all = world.gate.acquire_many(1 << 20).await.unwrap();
    world.gate.forget_permits(usize::MAX);
    let mut client = Client::connect(server.address).await;
    client.get(1, "/").await;
    world.came.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(client.until(GOAWAY).await.code(), NO_ERROR);
    drop(all);
    let rest = client.rest().await;
    assert!(
        rest.iter()
            .any(|frame| frame.kind == HEADERS && frame.stream == 1)
    );
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
}

#[tokio::test]
async fn shutdown_cuts_what_does_not_finish_in_time() {
    let (server, world) = start(|config| config.shutdown_timeout = SHORT).await;
    world.gate.forget_permits(usize::MAX);
    let mut client = Client::connect(server.address).await;
    client.get(1, "/").await;
    client.get(3, "/").await;
    world.came.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 1 });
    assert!(
        client
            .rest()
            .await
            .iter()
            .all(|frame| frame.kind != HEADERS)
    );
}

#[tokio::test]
async fn connection_without_a_request_is_told_to_go() {
    let (server, _world) = start(|config| config.idle_timeout = SHORT).await;
    let mut client = Client::connect(server.address).await;
    client.get(1, "/slow").await;
    assert_eq!(client.answer().await, (1, 200), "three times as long");
    let begin = Instant::now();
    assert_eq!(client.until(GOAWAY).await.code(), NO_ERROR);
    assert!(begin.elapsed() >= SHORT / 2);
    client.rest().await;
    assert_eq!(server.stats.read().idle_timeouts, 1);
}

#[tokio::test]
async fn connection_on_which_no_request_comes_is_not_kept() {
    let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.until(GOAWAY).await.code(), NO_ERROR);
    client.rest().await;
    assert_eq!(server.stats.read().head_timeouts, 1);
    let mut half = Wire::connect(server.address).await;
    half.send("PRI * HT").await;
    let answer = half.closed().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(server.stats.read().head_timeouts, 2);
}

#[tokio::test]
async fn no_further_request_is_taken_behind_the_last() {
    let (server, _world) = start(|config| config.max_requests = 2).await;
    let mut client = Client::connect(server.address).await;
    client.get(1, "/").await;
    assert_eq!(client.answer().await, (1, 200));
    client.get(3, "/").await;
    let rest = client.rest().await;
    assert!(
        rest.iter()
            .any(|frame| frame.kind == HEADERS && frame.stream == 3)
    );
    let goaway = rest.iter().rfind(|frame| frame.kind == GOAWAY).unwrap();
    assert_eq!(
        (goaway.code(), &goaway.payload[..4]),
        (NO_ERROR, &[0, 0, 0, 3][..])
    );
}

#[tokio::test]
async fn client_that_says_nothing_is_asked_whether_it_is_there() {
    let (server, _world) = start(|config| {
        config.http2 = Some(Http2Config {
            ping: Duration::from_secs(1),
            ..Http2Config::default()
        });
    })
    .await;
    let mut client = Client::connect(server.address).await;
    let begin = Instant::now();
    client.until(PING).await;
    assert!(begin.elapsed() >= Duration::from_secs(1));
    client.get(1, "/").await;
    assert_eq!(client.answer().await, (1, 200));
}
