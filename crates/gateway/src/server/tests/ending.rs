use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::{GET, LARGE, SHORT, start};
use crate::server::ShutdownReport;
use crate::wire::{Wire, eventually};

#[tokio::test]
async fn shutdown_lets_requests_finish_and_takes_no_more() {
    let (server, world) = start(|config| config.drain_idle = Duration::ZERO).await;
    let mut idle = Wire::connect(server.address).await;
    idle.send(GET).await;
    idle.until(&idle.local_addr().to_string()).await;
    let mut fresh = Wire::connect(server.address).await;

    let all = world.gate.acquire_many(1 << 20).await.unwrap();
    world.gate.forget_permits(usize::MAX);
    world.came.notified().await;
    let mut busy = Wire::connect(server.address).await;
    busy.send(GET).await;
    world.came.notified().await;

    server.stop.send(()).unwrap();
    assert_eq!(idle.closed().await, "");
    assert_eq!(fresh.closed().await, "");
    eventually(async || TcpStream::connect(server.address).await.is_err()).await;
    assert!(!server.task.is_finished());

    drop(all);
    let answer = busy.closed().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with(&busy.local_addr().to_string()), "{answer}");
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
}

#[tokio::test]
async fn shutdown_cuts_what_does_not_finish_in_time() {
    let (server, world) = start(|config| config.shutdown_timeout = SHORT).await;
    world.gate.forget_permits(usize::MAX);
    let mut wires = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::connect(server.address).await;
        wire.send(GET).await;
        world.came.notified().await;
        wires.push(wire);
    }
    let begin = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 2 });
    assert!(begin.elapsed() >= SHORT);
    for mut wire in wires {
        assert_eq!(wire.closed().await, "");
    }
    assert_eq!(server.stats.read().open, 0);
}

#[tokio::test]
async fn request_on_its_way_to_a_kept_connection_is_answered_while_draining() {
    let (server, _world) = start(|_| {}).await;
    let mut kept = Wire::connect(server.address).await;
    kept.send(GET).await;
    kept.until(&kept.local_addr().to_string()).await;
    let mut fresh = Wire::connect(server.address).await;
    eventually(async || server.stats.read().open == 2).await;
    server.stop.send(()).unwrap();
    eventually(async || TcpStream::connect(server.address).await.is_err()).await;
    for wire in [&mut kept, &mut fresh] {
        wire.send(GET).await;
        let answer = wire.closed_in_order().await.expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
}

#[tokio::test]
async fn connections_without_a_request_are_kept_until_their_time_is_over() {
    let (server, _world) = start(|config| config.drain_idle = SHORT).await;
    let mut idle = Wire::connect(server.address).await;
    idle.send(GET).await;
    idle.until(&idle.local_addr().to_string()).await;
    let mut begun = Wire::connect(server.address).await;
    begun.send("GET / HTTP/1.1\r\n").await;
    eventually(async || server.stats.read().open == 2).await;
    let begin = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(idle.closed_in_order().await.expect("no reset"), "");
    assert!(begin.elapsed() >= SHORT);
    // A head that is on its way is waited for.
    begun.send("host: a\r\n\r\n").await;
    let answer = begun.closed_in_order().await.expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
}

#[tokio::test]
async fn connections_without_a_request_are_not_counted_as_cut() {
    let (server, _world) = start(|config| config.shutdown_timeout = SHORT).await;
    let mut idle = Wire::connect(server.address).await;
    idle.send(GET).await;
    idle.until(&idle.local_addr().to_string()).await;
    server.stop.send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
    assert_eq!(idle.closed_in_order().await.expect("no reset"), "");
}

/// hyper has the whole of its answer by then, and the client has not.
#[tokio::test]
async fn answer_that_is_still_being_taken_is_not_cut_as_idle() {
    let (server, world) = start(|config| {
        config.drain_idle = Duration::ZERO;
        config.idle_timeout = SHORT / 4;
    })
    .await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    world.came.notified().await;
    tokio::time::sleep(SHORT).await;
    server.stop.send(()).unwrap();
    tokio::time::sleep(SHORT / 4).await;
    let answer = wire.closed_in_order().await.expect("no reset");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body.len(), LARGE);
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 0 });
    assert_eq!(server.stats.read().idle_timeouts, 0);
}

#[tokio::test]
async fn answer_that_is_not_taken_is_cut_and_counted_at_the_end() {
    let (server, world) = start(|config| config.shutdown_timeout = SHORT).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /large HTTP/1.0\r\n\r\n").await;
    world.came.notified().await;
    tokio::time::sleep(SHORT / 4).await;
    server.stop.send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), ShutdownReport { cut: 1 });
    wire.closed_in_order().await.expect_err("a reset");
}
