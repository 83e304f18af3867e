use super::{GET, SHORT, start};
use crate::wire::{Wire, eventually};

/// PROXY, TCP over IPv4, 12 bytes: 192.0.2.7:4660 to 10.0.0.1:80.
const HEADER: &str =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\u{0}\u{0}\u{2}\u{7}\x0a\0\0\x01\x12\x34\0\x50";

const LOOPBACK: &str = "127.0.0.0/8";

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let (server, _world) = start(|config| config.max_connections_per_address = 2).await;
    let mut first = Wire::connect(server.address).await;
    let mut second = Wire::connect(server.address).await;
    for wire in [&mut first, &mut second] {
        wire.send(GET).await;
        wire.head().await;
    }
    let mut third = Wire::connect(server.address).await;
    assert_eq!(third.closed().await, "");
    assert_eq!(server.stats.read().over_address, 1);
    drop(first);
    eventually(async || server.stats.read().open == 1).await;
    let mut fourth = Wire::connect(server.address).await;
    fourth.send(GET).await;
    fourth.head().await;
}

#[tokio::test]
async fn connections_of_many_clients_are_not_counted() {
    let (server, _world) = start(|config| {
        config.max_connections_per_address = 1;
        config.uncounted = vec![LOOPBACK.parse().unwrap()];
    })
    .await;
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::connect(server.address).await;
        wire.send(GET).await;
        wire.head().await;
        wires.push(wire);
    }
    assert_eq!(server.stats.read().over_address, 0);
}

#[tokio::test]
async fn a_proxy_says_whose_its_connection_is() {
    let (server, _world) = start(|config| {
        config.max_connections_per_address = 1;
        config.proxy_protocol = vec![LOOPBACK.parse().unwrap()];
    })
    .await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(HEADER).await;
    wire.send(GET).await;
    wire.head().await;
    wire.until("0.0.2.7:4660").await;
    let mut further = Wire::connect(server.address).await;
    further.send(HEADER).await;
    assert_eq!(
        further.closed().await,
        "",
        "that client has all it may have"
    );
    assert_eq!(server.stats.read().over_address, 1);
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_turned_away() {
    let (server, _world) = start(|config| {
        config.header_read_timeout = SHORT;
        config.proxy_protocol = vec![LOOPBACK.parse().unwrap()];
    })
    .await;
    let mut silent = Wire::connect(server.address).await;
    let mut cut = Wire::connect(server.address).await;
    cut.send(&HEADER[..20]).await;
    let mut plain = Wire::connect(server.address).await;
    plain.send(GET).await;
    for wire in [&mut plain, &mut silent, &mut cut] {
        assert_eq!(wire.closed().await, "");
    }
    assert_eq!(server.stats.read().without_proxy_header, 3);
}

#[tokio::test]
async fn nobody_else_may_say_whose_a_connection_is() {
    let (server, world) = start(|_| {}).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(HEADER).await;
    wire.send(GET).await;
    let head = wire.closed().await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(
        world.lifelines.lock().unwrap().len(),
        1,
        "the refusal alone"
    );
}

#[tokio::test]
async fn what_is_replaced_counts_for_those_who_come_next() {
    let (server, _world) = start(|_| {}).await;
    let fields = "x: y\r\n".repeat(9);
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n");
    let mut before = Wire::connect(server.address).await;
    before.send(GET).await;
    before.head().await;
    let allow = |connections, headers| {
        let mut config = server.handle.config();
        config.max_connections = connections;
        config.max_headers = headers;
        server.handle.replace(config)
    };
    allow(10_000, 5).unwrap();
    let mut next = Wire::connect(server.address).await;
    next.send(&large).await;
    assert!(next.closed().await.starts_with("HTTP/1.1 431 "));
    before.send(&large).await;
    let answer = before.head().await;
    assert!(
        answer.contains("HTTP/1.1 200 "),
        "it has what it had: {answer}"
    );

    allow(10_000, 0).unwrap_err();
    assert_eq!(server.handle.config().max_headers, 5);

    // One is open, and the acceptor has the place of the next.
    allow(1, 5).unwrap();
    let mut second = Wire::connect(server.address).await;
    second.send(GET).await;
    second.head().await;
    let mut third = Wire::connect(server.address).await;
    third.send(GET).await;
    drop(before);
    eventually(async || server.stats.read().open == 1).await;
    assert_eq!(server.stats.read().accepted, 3, "the third waits");
    drop(second);
    third.head().await;
}
