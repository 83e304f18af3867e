use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;
use tower::service_fn;

use super::{Forward, Passage, Terms};
use crate::body::ProxyBody;
use crate::headers::host::AskedHost;
use crate::headers::identity::{Identity, IdentityFields};
use crate::headers::origin::Origin;
use crate::headers::request_id::RequestId;
use crate::path::CanonicalPath;
use crate::server::{PeerAddr, RequestBody, Server, ServerConfig};
use crate::upstream::{HttpUpstream, Upstream, UpstreamConfig, UpstreamErrorKind, UpstreamFuture};
use crate::wire::{Wire, listener};

/// A gateway that lets everything pass as one and the same key.
async fn gateway() -> (Wire, TcpListener) {
    let (upstream, upstream_address) = listener().await;
    let mut config = UpstreamConfig::new(upstream_address.to_string().parse().unwrap());
    config.body_timeout = Duration::from_secs(5);
    let upstream_client = HttpUpstream::new("orders", config).unwrap();
    let forward = Forward::new(Arc::new(upstream_client));
    let (listener, address) = listener().await;
    let server = Server::new(listener, ServerConfig::default()).unwrap();
    let service = service_fn(move |request| pass(forward.clone(), request));
    tokio::spawn(server.run(service, std::future::pending()));
    (Wire::connect(address).await, upstream)
}

async fn pass(
    forward: Forward,
    mut request: Request<RequestBody>,
) -> Result<Response<ProxyBody>, Infallible> {
    if request.uri().path() == "/stamped" {
        RequestId::assign(&mut request);
    }
    let peer = request.extensions().get::<PeerAddr>().unwrap().0;
    let identity = IdentityFields::new(&Identity {
        key_id: "id",
        owner: "acme",
        service: "orders",
        environment: "live",
        scopes: "orders:read",
    });
    let passage = Passage {
        path: CanonicalPath::from_uri(request.uri()).unwrap(),
        origin: Origin::of_peer(Some(SocketAddr::new(peer.ip(), 1))),
        host: Some(AskedHost("asked.example:81".into())),
        identity: Some(identity),
    };
    Ok(forward.send(request, passage).await.unwrap_or_else(|_| {
        let mut response = Response::new(ProxyBody::empty());
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }))
}

/// An upstream that must not be asked.
struct Untouched;

impl Upstream for Untouched {
    fn name(&self) -> &str {
        "orders"
    }

    fn send(&self, _: Request<ProxyBody>) -> UpstreamFuture {
        panic!("a request went on")
    }
}

#[tokio::test]
async fn body_that_is_known_to_be_too_long_is_not_begun() {
    let terms = Terms {
        body_bytes: Some(3),
        ..Terms::default()
    };
    let body = Full::new(Bytes::from_static(b"1234")).map_err(|never: Infallible| match never {});
    let passage = Passage {
        path: CanonicalPath::from_uri(&"/".parse().unwrap()).unwrap(),
        origin: Origin::of_peer(None),
        host: None,
        identity: None,
    };
    let body: ProxyBody = ProxyBody::of(body);
    let forward = Forward::on(Arc::new(Untouched), terms);
    let sent = forward.send(Request::new(body), passage).await;
    let error = sent.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::RequestBodyTooLong);
}

/// The field lines of a head in order of the alphabet; the order of a head is not its meaning.
fn fields(head: &str) -> Vec<&str> {
    let mut lines: Vec<_> = head
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn fields_of_a_request_are_the_clients_own_and_ours() {
    let (mut client, upstream) = gateway().await;
    client
        .send(
            "GET http://asked.example:81/x/../orders//%31?q=%2e HTTP/1.1\r\n\
             Host: ignored.example\r\nAccept: */*\r\n\
             Connection: keep-alive, X-Once, X-Portcullis-Owner, Forwarded, Via\r\n\
             X-Once: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: websocket\r\n\
             Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\n\
             X-Portcullis-Owner: root\r\nX_Portcullis_Scopes: *\r\nX-Portcullis-Later: 1\r\n\
             X-Forwarded-For: 192.0.2.1\r\nx_forwarded_for: 192.0.2.1\r\n\
             Forwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Original-URL: /admin\r\n\
             Via: 1.0 before\r\n\r\n",
        )
        .await;
    let mut wire = Wire::accept(&upstream).await;
    let head = wire.head().await;
    assert!(
        head.starts_with("GET /orders/1?q=%2e HTTP/1.1\r\n"),
        "{head}"
    );
    let host = format!("host: {}", upstream.local_addr().unwrap());
    assert_eq!(
        fields(&head),
        [
            "accept: */*",
            "connection: te",
            "forwarded: for=127.0.0.1;host=\"asked.example:81\";proto=http",
            &host,
            "te: trailers",
            "via: 1.0 before",
            "via: 1.1 portcullis",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: asked.example:81",
            "x-forwarded-proto: http",
            "x-portcullis-environment: live",
            "x-portcullis-key-id: id",
            "x-portcullis-owner: acme",
            "x-portcullis-scopes: orders:read",
            "x-portcullis-service: orders",
        ]
    );
}

#[tokio::test]
async fn request_id_is_ours_even_where_connection_names_it() {
    let (mut client, upstream) = gateway().await;
    client
        .send(
            "GET /stamped HTTP/1.1\r\nhost: a\r\nconnection: x-request-id, x_request_id\r\n\
             x-request-id: mine\r\nx_request_id: mine\r\n\r\n",
        )
        .await;
    let head = Wire::accept(&upstream).await.head().await;
    let ids: Vec<_> = fields(&head)
        .into_iter()
        .filter(|line| line.replace('_', "-").starts_with("x-request-id: "))
        .collect();
    assert_eq!(ids.len(), 1, "{head}");
    assert_eq!(ids[0].len(), "x-request-id: ".len() + 36, "{head}");
}

#[tokio::test]
async fn fields_of_a_response_are_the_upstreams_without_its_hop() {
    let (mut client, upstream) = gateway().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut wire = Wire::accept(&upstream).await;
    wire.head().await;
    wire.send(
        "HTTP/1.1 404 Gone Fishing\r\nConnection: X-Once\r\nX-Once: 1\r\nKeep-Alive: 5\r\n\
         Upgrade: h2c\r\nAlt-Svc: h2=\":443\"\r\nProxy-Authenticate: Basic\r\nTrailer: x\r\nX-Portcullis-Owner: root\r\n\
         Set-Cookie: a\r\nSet-Cookie: b\r\nDate: today\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
    assert_eq!(
        fields(&head),
        [
            "content-length: 2",
            "date: today",
            "set-cookie: a",
            "set-cookie: b",
            "via: 1.1 portcullis"
        ]
    );
    client.until("ok").await;
}

#[tokio::test]
async fn contradicting_lengths_do_not_pass() {
    let (mut client, upstream) = gateway().await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\n\r\n",
        )
        .await;
    let mut wire = Wire::accept(&upstream).await;
    let head = wire.head().await;
    assert!(!head.contains("content-length"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(wire.until("0\r\n\r\n").await, "2\r\nhi\r\n0\r\n\r\n");
    wire.send(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n\
         2\r\nok\r\n0\r\n\r\n",
    )
    .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    wire.closed().await;
}

#[tokio::test]
async fn body_of_a_get_is_not_lost() {
    let (mut client, upstream) = gateway().await;
    client
        .send("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        .await;
    let mut wire = Wire::accept(&upstream).await;
    assert!(wire.head().await.contains("transfer-encoding: chunked\r\n"));
    assert_eq!(wire.until("0\r\n\r\n").await, "2\r\nhi\r\n0\r\n\r\n");
}

#[tokio::test]
async fn announced_trailers_pass_both_ways_without_those_that_forge() {
    let (mut client, upstream) = gateway().await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: a\r\nte: Trailers;q=1, trailers\r\nconnection: te\r\nx-head: 1\r\n\
             trailer: x-portcullis-owner, X-Sum, x_head, content-length, x-forwarded-for\r\n\
             transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-portcullis-owner: root\r\n\
             x-sum: 1\r\nx_portcullis_scopes: *\r\nx_head: 2\r\ncontent-length: 9\r\n\
             x-forwarded-for: 192.0.2.1\r\nx-unsaid: 1\r\n\r\n",
        )
        .await;
    let mut wire = Wire::accept(&upstream).await;
    let head = wire.head().await;
    for line in ["te: trailers", "connection: te", "trailer: x-sum, x_head"] {
        assert!(fields(&head).contains(&line), "{line} in {head}");
    }
    assert_eq!(
        wire.until("\r\n\r\n").await,
        "1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n"
    );
    wire.send(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum, x-portcullis-owner\r\n\r\n\
         1\r\ny\r\n0\r\nx-portcullis-owner: root\r\nx-sum: 1\r\nset-cookie: a\r\n\r\n",
    )
    .await;
    let head = client.head().await;
    assert!(fields(&head).contains(&"trailer: x-sum"), "{head}");
    assert_eq!(
        client.until("\r\n\r\n").await,
        "1\r\ny\r\n0\r\nx-sum: 1\r\n\r\n"
    );
}

#[tokio::test]
async fn trailers_that_nobody_asked_for_end_at_the_gateway() {
    let (mut client, upstream) = gateway().await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n",
        )
        .await;
    let mut wire = Wire::accept(&upstream).await;
    let head = wire.head().await;
    assert!(
        !head.contains("\nte:") && !head.contains("trailer"),
        "{head}"
    );
    assert_eq!(wire.until("\r\n\r\n").await, "1\r\nx\r\n0\r\n\r\n");
    wire.send(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         1\r\ny\r\n0\r\nx-sum: 1\r\n\r\n",
    )
    .await;
    assert!(!client.head().await.contains("trailer: "));
    assert_eq!(client.until("\r\n\r\n").await, "1\r\ny\r\n0\r\n\r\n");
    // Both connections go on.
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(wire.head().await.starts_with("GET / "));
}

#[tokio::test]
async fn answer_without_a_body_keeps_the_length_of_the_body_elsewhere() {
    let (mut client, upstream) = gateway().await;
    client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut wire = Wire::accept(&upstream).await;
    assert!(wire.head().await.starts_with("HEAD / "));
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")
        .await;
    assert!(client.head().await.contains("content-length: 1234\r\n"));

    for lengths in [
        "content-length: 3\r\ncontent-length: 4",
        "content-length: x",
    ] {
        client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        wire.head().await;
        wire.send(&format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n"))
            .await;
        let head = client.head().await;
        assert!(!head.contains("content-length"), "{head}");
    }

    for answer in ["304 Not Modified\r\netag: x", "204 No Content"] {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        wire.head().await;
        wire.send(&format!("HTTP/1.1 {answer}\r\n\r\n")).await;
        assert!(client.head().await.contains(answer));
    }
}

#[tokio::test]
async fn bodies_flow_while_they_are_made() {
    let (mut client, upstream) = gateway().await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab")
        .await;
    let mut wire = Wire::accept(&upstream).await;
    assert!(wire.head().await.contains("content-length: 4\r\n"));
    wire.until("ab").await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nAB")
        .await;
    client.until("AB").await;
    client.send("cd").await;
    wire.until("cd").await;
    wire.send("CD").await;
    client.until("CD").await;
}

#[tokio::test]
async fn answer_that_is_over_ends_the_upload() {
    let (mut client, upstream) = gateway().await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
        .await;
    let mut wire = Wire::accept(&upstream).await;
    wire.until("hi\r\n").await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        .await;
    client.head().await;
    client.until("ok").await;
    assert_eq!(wire.closed().await, "");
    assert_eq!(client.closed().await, "");
}

#[tokio::test]
async fn client_that_expects_a_continue_gets_one() {
    let (mut client, upstream) = gateway().await;
    client
        .send("PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi").await;
    let mut wire = Wire::accept(&upstream).await;
    assert!(!wire.head().await.contains("expect"));
    wire.until("hi").await;
    wire.send("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 201 "));
}

#[tokio::test]
async fn client_that_goes_away_takes_its_request_with_it() {
    let (mut client, upstream) = gateway().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut wire = Wire::accept(&upstream).await;
    wire.head().await;
    drop(client);
    assert_eq!(wire.closed().await, "");
}

#[tokio::test]
async fn download_that_breaks_off_breaks_off_for_the_client() {
    let (mut client, upstream) = gateway().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut wire = Wire::accept(&upstream).await;
    wire.head().await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        .await;
    client.until("half").await;
    drop(wire);
    let rest = client.closed().await;
    assert!(
        !rest.contains("0\r\n\r\n"),
        "the end must not look like one: {rest:?}"
    );
}
