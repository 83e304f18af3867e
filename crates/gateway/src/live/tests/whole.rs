//! The whole gateway over TCP, in HTTP/1.1: the client, the upstream, and a key that is revoked.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis::audit::Actor;
use portcullis::keyring::Keyring;
use portcullis::manager::{Issued, NewKey, NewService};
use portcullis::{KeyManager, MemoryStore};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fixture::ORDERS;
use crate::config::Config;
use crate::gateway::{GatewayError, serve};
use crate::listeners::Listeners;
use crate::telemetry::Metrics;
use crate::wire::{Wire, listener};

/// P and one second more: by then nothing of a request is left whose key has ended.
pub(super) const BOUND: Duration = Duration::from_millis(1_500);

pub(super) struct Gateway {
    address: SocketAddr,
    pub(super) upstream: TcpListener,
    manager: KeyManager,
    actor: Actor,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), GatewayError>>,
}

impl Gateway {
    pub(super) async fn start() -> Self {
        let (upstream, authority) = listener().await;
        let (public, address) = listener().await;
        let (operations, _) = listener().await;
        let text = format!(
            "[[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://{authority}\"\n"
        );
        let config = Config::parse(&text, Path::new("portcullis.toml")).expect("valid");
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(MemoryStore::new())
            .keyring(keyring)
            .config(config.manager.clone());
        let manager = manager.build().await.expect("built");
        let actor = Actor::new("test").expect("name");
        let service = manager.create_service(NewService::new(ORDERS), &actor);
        service.await.expect("created");
        let (stop, stopped) = oneshot::channel::<()>();
        let listeners = Listeners {
            public,
            tls: None,
            operations,
        };
        let metrics = Metrics::unrecorded();
        let serving = serve(config, manager.clone(), listeners, metrics, async {
            drop(stopped.await);
        });
        Self {
            address,
            upstream,
            manager,
            actor,
            stop,
            task: tokio::spawn(serving),
        }
    }

    pub(super) async fn issue(&self) -> Issued {
        let (owner, name) = ("acme".parse(), "job".parse());
        let key = NewKey::new(ORDERS, owner.expect("owner"), name.expect("name"));
        let issued = self.manager.create_key(key, &self.actor).await;
        issued.expect("issued")
    }

    /// Sends a request, and gives both ends: the client's, and the upstream's, which has read the
    /// head.
    pub(super) async fn send(&self, key: &Issued, method: &str, fields: &str) -> (Wire, Wire) {
        let mut client = Wire::connect(self.address).await;
        let token = key.token.expose();
        let head = format!(
            "{method} /x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{fields}\r\n"
        );
        client.send(&head).await;
        let mut upstream = Wire::accept(&self.upstream).await;
        let head = upstream.head().await;
        assert!(
            head.starts_with(&format!("{method} /x HTTP/1.1\r\n")),
            "{head}"
        );
        (client, upstream)
    }

    pub(super) async fn revoke(&self, key: &Issued) -> Instant {
        let reason = "leaked".parse().expect("reason");
        let revoked = self.manager.revoke_key(key.key.id, reason, &self.actor);
        revoked.await.expect("revoked");
        Instant::now()
    }

    /// Nothing is left that would have to be waited for.
    pub(super) async fn stopped(self) {
        drop(self.stop);
        let ended = tokio::time::timeout(crate::wire::LONG, self.task).await;
        ended
            .expect("in time")
            .expect("no panic")
            .expect("in order");
    }
}

pub(super) const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";

#[tokio::test]
async fn an_event_stream_ends_with_its_key_and_so_does_its_upstream() {
    let gateway = Gateway::start().await;
    let (key, other) = (gateway.issue().await, gateway.issue().await);
    let (mut client, mut upstream) = gateway.send(&key, "GET", "").await;
    upstream.send(STREAM).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    client.until("first").await;
    let (mut neighbour, mut its_upstream) = gateway.send(&other, "GET", "").await;
    its_upstream.send(STREAM).await;
    neighbour.until("first").await;

    let revoked = gateway.revoke(&key).await;
    let rest = client.closed().await;
    upstream.closed().await;
    assert!(revoked.elapsed() < BOUND, "{:?}", revoked.elapsed());
    assert!(!rest.contains("0\r\n\r\n"), "it looks whole: {rest:?}");
    its_upstream.send("4\r\nmore\r\n").await;
    neighbour.until("more").await;
    its_upstream.send("0\r\n\r\n").await;
    neighbour.until("0\r\n\r\n").await;
    drop((neighbour, its_upstream));
    gateway.stopped().await;
}

#[tokio::test]
async fn whoever_waits_for_an_answer_is_refused_when_the_key_ends() {
    let gateway = Gateway::start().await;
    let key = gateway.issue().await;
    let (mut client, mut upstream) = gateway.send(&key, "GET", "").await;
    let revoked = gateway.revoke(&key).await;
    let head = client.head().await;
    upstream.closed().await;
    assert!(revoked.elapsed() < BOUND, "{:?}", revoked.elapsed());
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    assert!(head.contains("error=\"invalid_token\""), "{head}");
    client.until("\"error\":\"invalid_token\"}").await;
    // The connection is whoever's comes next.
    let other = gateway.issue().await;
    let token = other.token.expose();
    client
        .send(&format!(
            "GET /y HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n"
        ))
        .await;
    let mut upstream = Wire::accept(&gateway.upstream).await;
    assert!(upstream.head().await.starts_with("GET /y "));
    upstream
        .send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood")
        .await;
    client.until("good").await;
    drop((client, upstream));
    gateway.stopped().await;
}

#[tokio::test]
async fn an_upload_that_is_ended_does_not_look_whole() {
    let gateway = Gateway::start().await;
    let key = gateway.issue().await;
    let fields = "transfer-encoding: chunked\r\n";
    let (mut client, mut upstream) = gateway.send(&key, "POST", fields).await;
    client.send("5\r\nfirst\r\n").await;
    upstream.until("first").await;
    let revoked = gateway.revoke(&key).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    let rest = upstream.closed().await;
    assert!(revoked.elapsed() < BOUND, "{:?}", revoked.elapsed());
    assert!(!rest.contains("0\r\n\r\n"), "it looks whole: {rest:?}");
    drop(client);
    gateway.stopped().await;
}

#[tokio::test]
async fn an_upload_whose_answer_has_begun_ends_as_well() {
    let gateway = Gateway::start().await;
    let key = gateway.issue().await;
    let fields = "transfer-encoding: chunked\r\n";
    let (mut client, mut upstream) = gateway.send(&key, "POST", fields).await;
    client.send("5\r\nfirst\r\n").await;
    upstream.until("first").await;
    upstream.send(STREAM).await;
    client.until("first").await;
    let revoked = gateway.revoke(&key).await;
    let rest = upstream.closed().await;
    assert!(!rest.contains("0\r\n\r\n"), "it looks whole: {rest:?}");
    let rest = client.closed().await;
    assert!(revoked.elapsed() < BOUND, "{:?}", revoked.elapsed());
    assert!(!rest.contains("0\r\n\r\n"), "it looks whole: {rest:?}");
    gateway.stopped().await;
}
