use std::fs;
use std::time::{Duration, Instant};

use portcullis_tests::{eventually, get};

use super::World;
use super::socket::{Heard, Socket, handshake};

/// How often the gateway asks for changes, by default, and a second.
const BOUND: Duration = Duration::from_millis(1_500);

fn code(code: u16) -> Option<Vec<u8>> {
    Some(code.to_be_bytes().to_vec())
}

#[test]
fn a_websocket_ends_with_its_key() {
    let world = World::start("");
    let open = |path| {
        let asked = handshake(path, &world.token, "");
        let socket = Socket::send(world.gateway.address, asked.as_bytes());
        assert_eq!(socket.status(), "101");
        socket
    };
    let [mut quiet, mut busy, mut within, stopped] =
        ["/quiet", "/busy", "/within", "/flood"].map(open);
    eventually("all are open", || world.upstream.open() == 4);
    world.revoke();
    let revoked = Instant::now();
    assert_eq!(quiet.last(), (code(1008), Heard::End));
    assert_eq!(busy.last(), (code(1008), Heard::End));
    assert_eq!(within.last(), (None, Heard::Broken));
    eventually("the upstream sees the end of all", || {
        world.upstream.open() == 0
    });
    let took = revoked.elapsed();
    assert!(took < BOUND, "{took:?}");
    eventually("all are counted", || {
        world.gateway.metric("portcullis_tunnels_open") == 0.0
            && world.gateway.metric("portcullis_tunnels_ended_total") == 4.0
            && world.gateway.metric("portcullis_streams_ended_total") == 4.0
            && world.gateway.metric("portcullis_live_requests") == 0.0
    });
    drop(stopped);
    let again = handshake("/echo", &world.token, "");
    let again = Socket::send(world.gateway.address, again.as_bytes());
    assert_eq!(again.status(), "401");
}

/// Its client sees an end behind the last frame; who runs the upstream sees what it was.
#[test]
fn a_websocket_that_its_upstream_leaves_ends_and_is_counted_as_broken() {
    let world = World::start("");
    let asked = handshake("/torn", &world.token, "");
    let mut socket = Socket::send(world.gateway.address, asked.as_bytes());
    assert_eq!(socket.status(), "101");
    assert_eq!(socket.hear(), Heard::Frame(0x81, b"last".to_vec()));
    socket.say(0x81, b"now");
    assert_eq!(socket.hear(), Heard::End);
    drop(socket);
    let series = "portcullis_tunnels_ended_total{reason=\"upstream_broke\"} 1";
    eventually("it is counted", || {
        let metrics = get(world.gateway.operations, "/metrics", None).body;
        metrics.lines().any(|line| line == series)
    });
    let read = || fs::read_to_string(world.place.path("access.log")).unwrap_or_default();
    eventually("it is written", || read().lines().count() == 1);
    let line = read();
    assert!(line.contains("\"upstream_broke\""), "{line}");
}

#[test]
fn another_protocol_breaks_off_with_its_key() {
    let world = World::start("");
    let asked = handshake("/tcp", &world.token, "").replace("upgrade: websocket", "upgrade: tcp");
    let mut socket = Socket::send(world.gateway.address, asked.as_bytes());
    assert_eq!(socket.status(), "101");
    world.revoke();
    assert_eq!(socket.hear(), Heard::Broken);
    eventually("the upstream sees the end", || world.upstream.open() == 0);
}

#[test]
fn a_tunnel_that_nothing_passes_is_closed() {
    let world = World::start("tunnel_idle = \"300ms\"\n");
    let asked = handshake("/quiet", &world.token, "");
    let mut socket = Socket::send(world.gateway.address, asked.as_bytes());
    assert_eq!(socket.last(), (None, Heard::End));
    eventually("the upstream sees the end", || world.upstream.open() == 0);
}

#[test]
fn a_tunnel_ends_with_the_gateway_at_the_end_of_its_time() {
    let world = World::start("shutdown = \"300ms\"\n");
    let asked = handshake("/quiet", &world.token, "");
    let mut socket = Socket::send(world.gateway.address, asked.as_bytes());
    assert_eq!(socket.status(), "101");
    world.gateway.process().signal("TERM");
    assert_eq!(socket.last(), (code(1001), Heard::End));
    drop(socket);
    assert_eq!(world.gateway.wait(), 0);
}
