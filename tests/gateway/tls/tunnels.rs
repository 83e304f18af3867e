//! A WebSocket in TLS.

use std::io::{Read as _, Write as _};

use portcullis_tests::{Gateway, Place};

use super::client::Client;
use super::free_address;
use super::made::authority;
use crate::PROGRAM;
use crate::tunnels::{Chatty, frame, handshake};

#[test]
fn a_websocket_passes_and_ends_with_its_key() {
    let (ca, place, upstream) = (authority(), Place::new(PROGRAM), Chatty::start());
    ca.issue(&["a.test"]).write(&place, "a");
    let address = free_address();
    let config = format!(
        "[[services]]\nname = \"chat\"\n[[upstreams]]\nname = \"chat\"\n\
         url = \"http://{}\"\n[[routes]]\nname = \"chat\"\nprefix = \"/\"\nservice = \"chat\"\n\
         upstream = \"chat\"\nupgrades = [\"websocket\"]\n[tls]\nlisten = \"{address}\"\n\
         [[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n",
        upstream.address
    );
    let _gateway = Gateway::start(&place, &config);
    let token = place.issue("chat", &[]);
    let client = Client::trusting(&ca);
    let mut stream = client.connect(address, "a.test").expect("a connection");
    let early = frame(0x82, &[9; 100_000]);
    let asked = handshake("/echo", &token, "");
    stream.write_all(asked.as_bytes()).expect("sent");
    stream.write_all(&early).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).expect("a head");
        head.extend(octet);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    let mut echoed = vec![0; early.len() - 4];
    stream.read_exact(&mut echoed).expect("a frame");
    assert_eq!(echoed[10..], [9; 100_000]);
    place
        .run(&["keys", "revoke", Place::id(&token), "--reason", "left"])
        .ok();
    let mut last = Vec::new();
    // To the end that says that nothing is missing.
    stream.read_to_end(&mut last).expect("an orderly end");
    assert_eq!(last, [0x88, 2, 0x03, 0xf0]);
}
