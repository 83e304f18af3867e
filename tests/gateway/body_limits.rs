//! How long bodies may be, and how long an exchange may take.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Place, Upstream, get, send};

use crate::{PROGRAM, upstream_table};

fn gateway(place: &Place, upstream: &Upstream, more: &str) -> Gateway {
    let route = "auth = \"open\"\nupstream = \"up\"\n";
    let routes = format!(
        "[limits]\nbody_bytes = 8\n{}\
         [[routes]]\nname = \"all\"\nprefix = \"/\"\n{route}\
         [[routes]]\nname = \"wide\"\nprefix = \"/wide\"\nbody_bytes = 1000\n{route}{more}",
        upstream_table("up", upstream)
    );
    Gateway::start(place, &routes)
}

fn post(gateway: &Gateway, path: &str, body: &str) -> u16 {
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{body}");
    send(gateway.address, head.as_bytes()).status
}

#[test]
fn a_body_that_is_too_long_is_413_and_never_looks_whole() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = gateway(&place, &upstream, "");
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    for (body, status, arrives) in [
        ("content-length: 8\r\n\r\n12345678".to_owned(), 200, true),
        ("content-length: 9\r\n\r\n123456789".to_owned(), 413, false),
        // Its length is enough: nothing of it has to come.
        ("content-length: 99999999999\r\n\r\n".to_owned(), 413, false),
        (
            format!("{chunked}4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n"),
            200,
            true,
        ),
        (
            format!("{chunked}4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"),
            413,
            false,
        ),
    ] {
        assert_eq!(post(&gateway, "/", &body), status, "{body}");
        let seen = upstream.take_seen();
        assert_eq!(seen.len(), usize::from(arrives), "{body}: {seen:?}");
        assert_eq!(
            post(
                &gateway,
                "/wide/x",
                &body.replace("99999999999\r\n", "2\r\n\r\nab")
            ),
            200,
            "{body}"
        );
        assert_eq!(upstream.take_seen().len(), 1, "{body}");
    }
    assert!(gateway.metric("portcullis_upstream_requests_total") >= 8.0);
    assert_eq!(get(gateway.address, "/", None).status, 200, "and goes on");
}

#[test]
fn an_exchange_ends_when_its_time_is_over() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let more = "[[routes]]\nname = \"brief\"\nprefix = \"/brief\"\nauth = \"open\"\n\
                upstream = \"up\"\ntimeouts = { whole = \"300ms\" }\n\
                [[routes]]\nname = \"silent\"\nprefix = \"/silent\"\nauth = \"open\"\n\
                upstream = \"up\"\ntimeouts = { response = \"300ms\" }\n";
    let gateway = gateway(&place, &upstream, more);
    upstream.hold();
    for path in ["/brief", "/silent"] {
        let since = Instant::now();
        let answer = get(gateway.address, path, None);
        assert_eq!(answer.status, 504, "{path}");
        assert!(answer.body.contains("`up`"), "{}", answer.body);
        let took = since.elapsed();
        assert!(took >= Duration::from_millis(300), "{path} {took:?}");
        assert!(took < Duration::from_secs(20), "{path} {took:?}");
    }
    // A client that does not send what it said is not waited for either.
    let mut client = TcpStream::connect(gateway.address).expect("connected");
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a timeout");
    let head = "POST /brief HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab";
    client.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    upstream.release();
    assert_eq!(get(gateway.address, "/brief", None).status, 200);
}
