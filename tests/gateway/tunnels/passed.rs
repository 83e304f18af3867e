use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use portcullis_tests::eventually;
use serde_json::Value;

use super::World;
use super::socket::{Heard, Socket, frame, handshake};

#[test]
fn a_websocket_passes_both_ways_and_is_told_of_when_it_ends() {
    let world = World::start("");
    let (address, token) = (world.gateway.address, &world.token);
    // A request before it on its connection, and a frame right behind the handshake.
    let plain =
        format!("GET /ordinary HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut socket = Socket::send(address, plain.as_bytes());
    assert_eq!(socket.status(), "200");
    socket.stream.read_exact(&mut [0; 2]).expect("the content");
    let first = frame(0x81, b"early");
    socket.ask(&[handshake("/echo", token, "").as_bytes(), &first].concat());
    assert_eq!(socket.status(), "101", "{}", socket.head);
    let head = socket.head.to_ascii_lowercase();
    for line in [
        "\r\nconnection: upgrade\r\n",
        "\r\nupgrade: websocket\r\n",
        "\r\nsec-websocket-protocol: chat\r\n",
        "\r\nsec-websocket-accept: ",
        "\r\nx-request-id: ",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert!(
        !head.contains("forged") && !head.contains("keep-alive"),
        "{head}"
    );
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!(socket.hear(), Heard::Frame(0x81, b"early".to_vec()));
    eventually("it is counted", || {
        world.gateway.metric("portcullis_tunnels_open") == 1.0
    });

    let big: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut sent = first.len();
    for (opcode, payload, answer) in [
        (0x01, &b"frag"[..], 0x01),
        (0x89, b"ping", 0x8a),
        (0x80, b"ment", 0x80),
        (0x82, &[], 0x82),
        (0x82, &big, 0x82),
    ] {
        // The upstream takes the whole of a frame before it says any of it.
        socket.say(opcode, payload);
        sent += frame(opcode, payload).len();
        assert!(
            socket.hear() == Heard::Frame(answer, payload.to_vec()),
            "{opcode:x}"
        );
    }
    socket.say(0x88, &4_321_u16.to_be_bytes());
    sent += 8;
    let closed = (Some(4_321_u16.to_be_bytes().to_vec()), Heard::End);
    assert_eq!(socket.last(), closed);
    drop(socket);
    eventually("it is over", || {
        world.gateway.metric("portcullis_tunnels_open") == 0.0
            && world.gateway.metric("portcullis_tunnels_ended_total") == 1.0
    });

    let heads = world.upstream.take_heads();
    let head = heads.last().expect("a request").to_ascii_lowercase();
    assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    assert!(head.contains("\r\nx-portcullis-key-id: ") && !head.contains("bearer"));

    let read = || fs::read_to_string(world.place.path("access.log")).unwrap_or_default();
    eventually("it is written", || read().lines().count() == 2);
    let text = read();
    let line: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&line["status"], &line["outcome"]),
        (&101.into(), &"complete".into())
    );
    assert_eq!(line["bytes_in"], sent, "{line}");
    // Frames of a server have no mask, which is four octets each.
    assert_eq!(line["bytes_out"], sent - 7 * 4, "{line}");
}

#[test]
fn the_end_of_one_side_is_not_that_of_the_other() {
    let world = World::start("");
    let asked = handshake("/tcp", &world.token, "").replace("upgrade: websocket", "upgrade: tcp");
    let mut socket = Socket::send(world.gateway.address, asked.as_bytes());
    assert_eq!(socket.status(), "101", "{}", socket.head);
    socket.stream.write_all(&[5; 100_000]).expect("sent");
    socket
        .stream
        .shutdown(Shutdown::Write)
        .expect("half closed");
    let mut all = Vec::new();
    socket.stream.read_to_end(&mut all).expect("an orderly end");
    assert_eq!(all, vec![5; 100_000]);
}

#[test]
fn what_is_not_asked_for_properly_is_no_tunnel() {
    let world = World::start("");
    let (address, token) = (world.gateway.address, world.token.as_str());
    let good = handshake("/echo", token, "");
    let cases = [
        (good.replace(token, "none"), "401"),
        (good.replace("keep-alive, Upgrade", "keep-alive"), "400"),
        (good.replace("GET ", "POST "), "400"),
        (
            handshake("/echo", token, "content-length: 1\r\n") + "x",
            "400",
        ),
        (good.replace("key: dGhl", "key: dGh"), "400"),
        (
            good.replace("upgrade: websocket", "upgrade: websocket, tcp"),
            "400",
        ),
        (good.replace("version: 13", "version: 8"), "426"),
    ];
    for (asked, status) in cases {
        let socket = Socket::send(address, asked.as_bytes());
        assert_eq!(socket.status(), status, "{asked}");
        let versions = socket.head.contains("sec-websocket-version: 13\r\n");
        assert_eq!(versions, status == "426", "{}", socket.head);
    }
    assert!(world.upstream.take_heads().is_empty(), "nothing went on");

    let h2c = handshake("/ordinary", token, "").replace("upgrade: websocket", "upgrade: h2c");
    for asked in [h2c, handshake("/plain", token, "")] {
        assert_eq!(Socket::send(address, asked.as_bytes()).status(), "200");
        let heads = world.upstream.take_heads().concat().to_ascii_lowercase();
        assert!(!heads.contains("\nupgrade:"), "{heads}");
    }
    assert_eq!(
        Socket::send(address, handshake("/ordinary", token, "").as_bytes()).status(),
        "200"
    );
}

#[test]
fn an_upstream_that_agrees_to_something_else_is_a_502() {
    let world = World::start("");
    for path in ["/wrong", "/other", "/plain/unasked"] {
        let asked = handshake(path, &world.token, "");
        let socket = Socket::send(world.gateway.address, asked.as_bytes());
        assert_eq!(socket.status(), "502", "{path}");
        eventually("its connection is closed", || world.upstream.open() == 0);
    }
    assert_eq!(world.gateway.metric("portcullis_tunnels_ended_total"), 0.0);
}
