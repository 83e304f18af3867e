//! The configurations of `examples/gateway` do what they say.

use std::net::SocketAddr;

use portcullis_tests::{Answer, Gateway, Place, Upstream, get, send};

use crate::PROGRAM;

const ONE: &str = include_str!("../../examples/gateway/one/portcullis.toml");
const SCOPES: &str = include_str!("../../examples/gateway/scopes/portcullis.toml");
const WEBSOCKET: &str = include_str!("../../examples/gateway/websocket/portcullis.toml");

/// Serves an example as it is, but for its addresses.
pub(crate) fn start(place: &Place, example: &str, upstreams: &[(&str, SocketAddr)]) -> Gateway {
    let config = |address, operations| {
        let mut text = replaced(example, "0.0.0.0:8080", &format!("{address}"));
        text = replaced(&text, "127.0.0.1:9090", &format!("{operations}"));
        for (written, upstream) in upstreams {
            text = replaced(&text, written, &upstream.to_string());
        }
        // The end of a test waits for nobody.
        text + "[timeouts]\ndrain_idle = \"0s\"\n"
    };
    Gateway::start_configured(place, config, |_| {})
}

/// A text with another part in the place of one that it has once.
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

fn asked(gateway: &Gateway, method: &str, path: &str, token: &str) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: a.test\r\nauthorization: Bearer {token}\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    send(gateway.address, head.as_bytes())
}

#[test]
fn one_service() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = start(&place, ONE, &[("127.0.0.1:3000", upstream.address())]);
    let token = place.issue("orders", &["--scope", "orders:read"]);
    let other = place.issue("orders", &[]);
    assert_eq!(gateway.get("/7", &token).status, 200);
    let field = format!("x-api-key: {token}\r\n");
    assert_eq!(
        portcullis_tests::get_with(gateway.address, "/7", &field).status,
        200
    );
    assert_eq!(gateway.get("/7", &other).status, 403);
    assert_eq!(get(gateway.address, "/7", None).status, 401);
    assert_eq!(upstream.take_seen().len(), 2);
    let answer = gateway.get("/7", &token);
    assert_eq!(
        answer.field("ratelimit-policy"),
        Some("\"default\";q=100;w=1")
    );
}

#[test]
fn a_websocket() {
    let place = Place::new(PROGRAM);
    let upstream = crate::tunnels::Chatty::start();
    let gateway = start(&place, WEBSOCKET, &[("127.0.0.1:3000", upstream.address)]);
    let (member, other) = (
        place.issue("chat", &["--scope", "chat:join"]),
        place.issue("chat", &[]),
    );
    for (token, status) in [(&member, "101"), (&other, "403")] {
        let asked = crate::tunnels::handshake("/chat", token, "");
        let socket = crate::tunnels::Socket::send(gateway.address, asked.as_bytes());
        assert_eq!(socket.status(), status, "{}", socket.head);
    }
    assert_eq!(upstream.take_heads().len(), 1);
}

#[test]
fn several_services_with_scopes_by_method() {
    let place = Place::new(PROGRAM);
    let (shop, ledger) = (Upstream::start(), Upstream::start());
    let upstreams = [
        ("127.0.0.1:3000", shop.address()),
        ("127.0.0.1:3001", ledger.address()),
    ];
    let gateway = start(&place, SCOPES, &upstreams);
    let reader = place.issue("orders", &["--scope", "orders:read"]);
    let writer = place.issue(
        "orders",
        &["--scope", "orders:read", "--scope", "orders:write"],
    );
    let all = place.issue("orders", &["--scope", "orders:*"]);
    let test = place.issue(
        "orders",
        &["--scope", "orders:read", "--environment", "test"],
    );
    let clerk = place.issue("billing", &["--scope", "invoices:read"]);
    for (method, path, token, status) in [
        ("GET", "/orders/7", &reader, 200),
        ("POST", "/orders", &reader, 403),
        ("POST", "/orders", &writer, 200),
        ("PUT", "/orders/7", &writer, 200),
        ("DELETE", "/orders/7", &writer, 403),
        ("DELETE", "/orders/7", &all, 200),
        ("PATCH", "/orders/7", &all, 405),
        ("GET", "/orders/7", &test, 401),
        ("GET", "/sandbox/orders/7", &test, 200),
        ("GET", "/sandbox/orders/7", &reader, 401),
        ("GET", "/orders/7", &clerk, 401),
        ("GET", "/customers/acme/invoices/3", &clerk, 200),
        ("GET", "/customers/acme/invoices", &reader, 401),
        ("GET", "/customers/acme", &clerk, 404),
        ("GET", "/catalogue/shoes", &reader, 200),
        ("GET", "/catalogue/shoes", &clerk, 401),
    ] {
        let answer = asked(&gateway, method, path, token);
        assert_eq!(answer.status, status, "{method} {path}");
    }
    assert_eq!(get(gateway.address, "/catalogue", None).status, 200);
    assert_eq!(get(gateway.address, "/orders", None).status, 401);
    assert_eq!(get(gateway.address, "/status", None).body, "fine\n");
    assert_eq!(
        get(gateway.address, "/", None).field("location"),
        Some("/status")
    );
    let lines: Vec<String> = shop.take_seen().into_iter().map(|seen| seen.line).collect();
    let stripped = "GET /7 HTTP/1.1".to_owned();
    assert_eq!(
        lines.iter().filter(|line| **line == stripped).count(),
        1,
        "{lines:?}"
    );
    assert_eq!(ledger.take_seen().len(), 1);
}
