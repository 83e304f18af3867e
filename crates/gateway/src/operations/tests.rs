//! What operators hear of a store that takes no changes, and of missing roots.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use portcullis::keyring::RootName;
use portcullis::manager::ManagerConfig;
use portcullis::store::{FaultStore, MemoryStore, StoreFault};
use portcullis::{KeyManager, Keyring};
use serde_json::{Value, json};
use tower::Service as _;

use super::{Readiness, State, router};
use crate::access::AccessLog;
use crate::config::Config;
use crate::reload::Upstreams;
use crate::server::ServerStats;
use crate::telemetry::Metrics;

fn no_lines(manager: &KeyManager) -> AccessLog {
    AccessLog::new(Arc::clone(manager.clock()), None, None).expect("nothing to open")
}

async fn get(operations: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(axum::body::Body::empty());
    let answer = operations.clone().call(request.expect("a request")).await;
    let (head, body) = answer.expect("answered").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("text");
    (head.status, text)
}

#[tokio::test]
async fn a_store_that_takes_no_changes_is_told_and_leaves_the_gateway_ready() {
    let store = FaultStore::new(MemoryStore::new());
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let namespace = "takes-no-changes";
    let config = ManagerConfig::default()
        .namespace(namespace)
        .flush_interval(Duration::from_secs(3_600));
    let manager = KeyManager::builder(store.clone())
        .keyring(keyring)
        .config(config);
    let manager = manager.build().await.expect("built");
    let operations = router(State {
        readiness: Readiness::new(manager.clone()),
        metrics: Metrics::install().expect("a recorder"),
        access: no_lines(&manager),
        public: ServerStats::default(),
    });
    let gauge = format!("portcullis_store_writable{{namespace=\"{namespace}\"}}");
    for (fault, word, writable) in [
        (None, Value::Null, 1),
        (Some(StoreFault::Full), json!("full"), 0),
        (Some(StoreFault::ReadOnly), json!("read_only"), 0),
        (Some(StoreFault::Failing), json!("failing"), 0),
        (None, Value::Null, 1),
    ] {
        store.take_no_changes(fault);
        let (status, body) = get(&operations, "/readyz").await;
        assert_eq!(status, StatusCode::OK, "keys are decided: {body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["ready"], json!(true), "{body}");
        assert_eq!(body["store"]["writable"], json!(writable == 1), "{body}");
        assert_eq!(body["store"]["fault"], word, "{body}");
        // The metrics come with the next flush.
        manager.flush_usage().await.expect("nothing to write");
        let (_, metrics) = get(&operations, "/metrics").await;
        let line = format!("{gauge} {writable}");
        assert!(
            metrics.lines().any(|have| have == line),
            "{line}:\n{metrics}"
        );
    }
}

#[tokio::test]
async fn a_keyring_that_lacks_a_root_is_told_and_leaves_the_gateway_ready() {
    let store = MemoryStore::new();
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let build = async |keyring: &Keyring, namespace: &str| {
        let config = ManagerConfig::default().namespace(namespace);
        let builder = KeyManager::builder(store.clone()).keyring(keyring.clone());
        builder.config(config).build().await.expect("built")
    };
    let namespace = "lacks-a-root";
    let manager = build(&keyring, namespace).await;
    let operations = router(State {
        readiness: Readiness::new(manager.clone()),
        metrics: Metrics::install().expect("a recorder"),
        access: no_lines(&manager),
        public: ServerStats::default(),
    });
    let gauge = format!("portcullis_keyring_missing_roots{{namespace=\"{namespace}\"}}");
    let told = async |missing: &[&str]| {
        manager.poll_now().await.expect("polled");
        let (status, body) = get(&operations, "/readyz").await;
        assert_eq!(status, StatusCode::OK, "other keys are decided: {body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["ready"], json!(true), "{body}");
        assert_eq!(body["keyring"]["missing_roots"], json!(missing), "{body}");
        manager.flush_usage().await.expect("nothing to write");
        let (_, metrics) = get(&operations, "/metrics").await;
        let line = format!("{gauge} {}", missing.len());
        let found = metrics.lines().any(|have| have == line);
        assert!(found, "{line}:\n{metrics}");
    };
    told(&[]).await;
    let name: RootName = "k2".parse().expect("a name");
    let rotated = keyring
        .add(name.clone())
        .and_then(|both| both.make_current(&name));
    build(&rotated.expect("rotated"), "rotated").await;
    told(&["k2"]).await;
}

#[tokio::test]
async fn an_upstream_that_is_away_is_told_and_leaves_the_gateway_ready() {
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let manager = KeyManager::builder(MemoryStore::new()).keyring(keyring);
    let manager = manager.build().await.expect("built");
    let text = "[[upstreams]]\nname = \"orders\"\nurl = \"http://secret.invalid\"\n\
                [[upstreams]]\nname = \"bills\"\nurl = \"http://127.0.0.9:1\"\n";
    let config = Config::parse(text, Path::new("/portcullis.toml")).expect("valid");
    let upstreams = Upstreams::default().next(config.upstreams());
    let upstreams = Arc::new(ArcSwap::from_pointee(upstreams.expect("built")));
    let operations = router(State {
        readiness: Readiness::new(manager.clone()).with_upstreams(upstreams),
        metrics: Metrics::install().expect("a recorder"),
        access: no_lines(&manager),
        public: ServerStats::default(),
    });
    let (status, body) = get(&operations, "/readyz").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let told: Value = serde_json::from_str(&body).expect("JSON");
    let counts =
        |inside, unresolved| json!({ "in": inside, "left_out": 0, "unresolved": unresolved });
    assert_eq!(
        told["upstreams"],
        json!({ "bills": counts(1, 0), "orders": counts(0, 1) })
    );
    for address in ["secret", "127.0.0"] {
        assert!(!body.contains(address), "{body}");
    }
}
