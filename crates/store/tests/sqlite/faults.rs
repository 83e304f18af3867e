//! A disk that takes nothing more, in a process of its own: the limit of a
//! file's length (`RLIMIT_FSIZE`) fails the writes as a disk does, and needs no
//! privileges.
#![cfg(target_os = "linux")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_core::audit::Actor;
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{Issued, ListKeys, NewKey, NewService, VerifyAudit};
use portcullis_core::store::StoreFault;
use portcullis_core::token::Presented;
use portcullis_core::{Context, Error, ErrorKind, KeyManager, Verdict};
use portcullis_store::SqliteStore;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::support::{Folder, ORDERS};

/// Where the inner process finds its folder.
const INNER: &str = "PORTCULLIS_TEST_FOLDER";

#[test]
fn while_the_disk_fails_reads_answer_and_after_it_changes_go_on() {
    if let Some(folder) = env::var_os(INNER) {
        return inner(&PathBuf::from(folder).join("keys.db"));
    }
    let folder = Folder::new();
    let name = "faults::while_the_disk_fails_reads_answer_and_after_it_changes_go_on";
    // A signal that is ignored stays so in what is executed.
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(env::current_exe().expect("this program"))
        .args([name, "--exact", "--nocapture"])
        .env(INNER, folder.path(""))
        .output()
        .expect("sh runs");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("went through all of it"), "{out}\n{err}");
}

/// Limits how long a file may become that this process writes to.
fn limit(bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--fsize={bytes}:"))
        .status();
    assert!(status.expect("prlimit runs").success(), "limited");
}

struct Node {
    manager: KeyManager,
    actor: Actor,
}

impl Node {
    async fn start(path: &Path, keyring: &Keyring) -> Self {
        let store = SqliteStore::open(path).expect("the store opens");
        let manager = KeyManager::builder(store).keyring(keyring.clone());
        Self {
            manager: manager.build().await.expect("a manager"),
            actor: Actor::new("test").expect("a name"),
        }
    }

    async fn issue(&self, name: &str) -> Result<Issued, Error> {
        let (owner, name) = ("acme".parse().expect("owner"), name.parse().expect("name"));
        let key = NewKey::new(ORDERS, owner, name);
        self.manager.create_key(key, &self.actor).await
    }

    async fn is_granted(&self, issued: &Issued) -> bool {
        let presented = Presented::new(issued.token.expose().as_bytes());
        let service = ORDERS;
        let context = Context::new(&service);
        let verdict = self.manager.validate(presented, &context).await;
        matches!(verdict, Verdict::Granted(_))
    }
}

fn inner(path: &Path) {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("the first one");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    runtime.block_on(fail_and_recover(path, &log));
    println!("went through all of it");
}

async fn fail_and_recover(path: &Path, log: &Log) {
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let node = Node::start(path, &keyring).await;
    let service = NewService::new(ORDERS);
    node.manager
        .create_service(service, &node.actor)
        .await
        .expect("a service");
    let mut kept = Vec::new();
    for n in 0..4 {
        kept.push(node.issue(&format!("before {n}")).await.expect("issued"));
    }

    limit("1024");
    let (mut refused, mut unknown) = (Vec::new(), 0);
    for n in 0..5 {
        let name = format!("during {n}");
        let error = node.issue(&name).await.expect_err("nothing can be written");
        match error.kind() {
            ErrorKind::Unavailable => refused.push(name),
            // Only where the fault was met.
            ErrorKind::OutcomeUnknown => unknown += 1,
            kind => assert_eq!(kind, ErrorKind::Unavailable, "{error}"),
        }
        let message = error.to_string();
        assert!(message.contains("disk"), "{message}");
    }
    // Something else may have met it before.
    assert!(refused.len() >= 4 && unknown <= 1, "{unknown} unknown");
    // Neither is in the cache.
    for issued in &kept {
        assert!(node.is_granted(issued).await, "{}", issued.key.id);
    }
    let revoked = kept.pop().expect("four");
    let reason = "leaked".parse().expect("a reason");
    let revoke = node.manager.revoke_key(revoked.key.id, reason, &node.actor);
    let error = revoke.await.expect_err("nothing can be written");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(node.is_granted(&revoked).await, "it was not revoked");
    node.manager.flush_usage().await.expect_err("no usage");
    let (status, stats) = (node.manager.status(), node.manager.stats());
    assert_eq!(status.fault, Some(StoreFault::Failing));
    assert_eq!(stats.store_fault, status.fault);
    assert!(status.fresh, "it is read");
    assert_eq!(log.count("changes cannot be written"), 1);
    assert_eq!(log.count("changes are written again"), 0);

    limit("unlimited");
    kept.push(node.issue("after").await.expect("it can be written"));
    assert_eq!(node.manager.status().fault, None);
    assert_eq!(node.manager.stats().store_fault, None);
    for _ in 0..2 {
        node.manager.flush_usage().await.expect("sent again");
    }
    assert_eq!(log.count("changes cannot be written"), 1);
    assert_eq!(log.count("changes are written again"), 1);
    let reason = "leaked".parse().expect("a reason");
    let revoke = node.manager.revoke_key(revoked.key.id, reason, &node.actor);
    revoke.await.expect("revoked");
    node.manager.shutdown().await.expect("flushed");
    drop(node);

    let node = Node::start(path, &keyring).await;
    for issued in &kept {
        assert!(node.is_granted(issued).await, "{}", issued.key.id);
        let usage = node.manager.usage(&[issued.key.id]).await.expect("usage");
        let used = u64::from(issued.key.name.as_str() != "after");
        assert_eq!(usage.first().map(|usage| usage.total.granted), Some(used));
    }
    assert!(!node.is_granted(&revoked).await);
    let list = ListKeys::of(ORDERS);
    let page = node.manager.list_keys(list).await.expect("a page");
    for name in refused {
        let there = page.keys.iter().any(|key| key.name.as_str() == name);
        assert!(!there, "{name} was refused");
    }
    let report = node
        .manager
        .verify_audit(VerifyAudit::default())
        .await
        .expect("a walk");
    assert!(report.is_whole(), "{:?}", report.fault);
    drop(node);
    let report = SqliteStore::check(path).expect("checked");
    assert!(report.is_whole(), "{report}");
}

/// The messages that were logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn count(&self, text: &str) -> usize {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = messages.iter().filter(|message| message.contains(text));
        found.count()
    }
}

struct Message<'a>(&'a Log);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let mut messages = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            messages.push(format!("{value:?}"));
        }
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Message(self));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
