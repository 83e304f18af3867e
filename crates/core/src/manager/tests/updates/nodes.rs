//! Changes of one record that meet, here and on other nodes.

use super::patch;
use crate::error::ErrorKind;
use crate::manager::KeyPatch;
use crate::manager::tests::{Fixture, Outcome};
use crate::verdict::DenialReason;

#[tokio::test]
async fn a_change_elsewhere_that_is_there_already_holds_here_at_once() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (id, token) = (issued.key.id, issued.token);
    assert_eq!(fixture.validate(token.expose()).await, Outcome::Granted);
    let other = fixture.other_node().await;
    let list = patch(r#"{"addresses":["192.0.2.0/24"]}"#);
    other
        .update_key(id, list.clone(), &fixture.actor)
        .await
        .expect("updated");
    assert_eq!(
        fixture.validate(token.expose()).await,
        Outcome::Granted,
        "not noticed yet"
    );
    // Nothing is left to do, and what is cached here must not stay for that.
    assert_eq!(fixture.update(id, list).await.version, 2);
    let address = Outcome::Denied(DenialReason::Address);
    assert_eq!(fixture.validate(token.expose()).await, address);
}

#[tokio::test]
async fn a_change_holds_for_the_next_request_here_and_after_one_poll_elsewhere() {
    let fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    let list = patch(r#"{"addresses":["192.0.2.0/24"]}"#);
    fixture.update(issued.key.id, list).await;
    let address = Outcome::Denied(DenialReason::Address);
    assert_eq!(fixture.validate(token).await, address);
    other
        .update_key(
            issued.key.id,
            patch(r#"{"addresses":null}"#),
            &fixture.actor,
        )
        .await
        .expect("updated");
    fixture.pass_poll().await;
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
}

#[tokio::test]
async fn of_two_who_saw_the_same_version_one_changes_it() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let expecting = |name: &str, version| {
        KeyPatch::new()
            .name(name.parse().expect("name"))
            .expected_version(version)
    };
    assert_eq!(fixture.update(id, expecting("first", 1)).await.version, 2);
    for stale in [0, 1, 3, u64::MAX] {
        let (kind, told) = fixture.refuse(id, expecting("second", stale)).await;
        assert_eq!(kind, ErrorKind::Conflict, "{told}");
        assert!(
            told.ends_with(&format!("is of version 2, not {stale}")),
            "{told}"
        );
    }
    // Without a version the change is meant for whatever is there.
    let anyhow = KeyPatch::new().name("third".parse().expect("name"));
    assert_eq!(fixture.update(id, anyhow).await.version, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_changes_of_one_record_each_is_made_or_says_so_and_none_is_lost() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let tasks: Vec<_> = (0..50)
        .map(|at| {
            let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
            let patch = patch(&format!(r#"{{"metadata":{{"m{at}":{at}}}}}"#));
            tokio::spawn(async move { manager.update_key(id, patch, &actor).await })
        })
        .collect();
    let mut made = Vec::new();
    for (at, task) in tasks.into_iter().enumerate() {
        match task.await.expect("task") {
            Ok(_) => made.push(format!("\"m{at}\":{at}")),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    let key = fixture.manager.key(id).await.expect("key");
    assert!(made.len() >= 4, "each is tried again on the new record");
    assert_eq!(key.version, 1 + made.len() as u64);
    assert!(made.iter().all(|made| key.metadata.as_str().contains(made)));
}
