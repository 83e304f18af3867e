//! Digests that move to the current root when they are used.

use super::{faulty_node, node, roots, rotated, validate, with_k2};
use crate::manager::tests::{Fixture, Outcome};
use crate::store::Fault;
use crate::verdict::DenialReason;

#[tokio::test]
async fn digests_that_could_not_be_moved_are_moved_with_the_next_flush() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.issue().await, fixture.issue().await);
    let (store, manager) = faulty_node(&fixture, &rotated(&with_k2(&fixture))).await;
    for issued in [&one, &other, &one] {
        assert_eq!(validate(&manager, issued).await, Outcome::Granted);
    }
    store.set(Fault::Fail);
    assert!(manager.flush_usage().await.is_err());
    let stats = manager.stats();
    assert_eq!((stats.redigests, stats.digests_waiting), (0, 2));
    assert!(stats.redigest_failures > 0);
    store.set(Fault::None);
    manager.flush_usage().await.expect("flushed");
    let stats = manager.stats();
    assert_eq!((stats.redigests, stats.digests_waiting), (2, 0));
}

#[tokio::test]
async fn nodes_that_disagree_about_the_current_root_move_no_digest_back() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let both = with_k2(&fixture);
    // While the change is rolled out.
    let (early, late) = (
        node(&fixture, &rotated(&both)).await,
        node(&fixture, &both).await,
    );
    for manager in [&early, &late, &early] {
        // As if it read the record anew.
        manager.shared().keys.clear();
        assert_eq!(validate(manager, &old).await, Outcome::Granted);
        manager.flush_usage().await.expect("flushed");
        let stored = manager.key(old.key.id).await.expect("there");
        assert_eq!(roots(&stored), [("k2", "k1")], "forward, and not back");
    }
    assert_eq!((early.stats().redigests, late.stats().redigests), (1, 0));
}

#[tokio::test]
async fn a_damaged_record_keeps_no_other_digest_from_moving() {
    let fixture = Fixture::new().await;
    let mut all = Vec::new();
    for _ in 0..9 {
        all.push(fixture.issue().await);
    }
    let (store, manager) = faulty_node(&fixture, &rotated(&with_k2(&fixture))).await;
    for issued in &all {
        assert_eq!(validate(&manager, issued).await, Outcome::Granted);
    }
    store.damage(all[4].key.id);
    manager.flush_usage().await.expect("flushed");
    let stats = manager.stats();
    assert_eq!(
        (
            stats.redigests,
            stats.redigest_failures,
            stats.digests_waiting
        ),
        (8, 1, 0)
    );
    for (at, issued) in all.iter().enumerate() {
        let key = manager.key(issued.key.id).await.expect("there");
        let root = if at == 4 { "k1" } else { "k2" };
        assert_eq!(roots(&key), [(root, "k1")], "key {at}");
    }
}

#[tokio::test]
async fn a_refused_use_moves_nothing() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    fixture
        .manager
        .disable_key(old.key.id, &fixture.actor)
        .await
        .expect("disabled");
    let manager = node(&fixture, &rotated(&with_k2(&fixture))).await;
    assert_eq!(
        validate(&manager, &old).await,
        Outcome::Denied(DenialReason::Disabled)
    );
    assert_eq!(manager.stats().digests_waiting, 0);
}

#[tokio::test]
async fn a_change_that_was_under_way_keeps_the_moved_digest() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let manager = node(&fixture, &rotated(&with_k2(&fixture))).await;
    assert_eq!(validate(&manager, &old).await, Outcome::Granted);
    let (id, changing, actor) = (old.key.id, fixture.manager.clone(), fixture.actor.clone());
    // The record is read, the digest moves, and the change arrives.
    fixture.store.hold_loads();
    let disabled = tokio::spawn(async move { changing.disable_key(id, &actor).await });
    fixture.store.wait_held(1).await;
    manager.flush_usage().await.expect("flushed");
    fixture.store.release();
    let disabled = disabled.await.expect("task").expect("disabled");
    assert_eq!(roots(&disabled), [("k1", "k1")], "as it was read");
    fixture
        .manager
        .enable_key(id, &fixture.actor)
        .await
        .expect("enabled");
    let key = manager.key(id).await.expect("there");
    assert_eq!(roots(&key), [("k2", "k1")]);
    let fresh = node(&fixture, &manager.shared().keyring).await;
    assert_eq!(validate(&fresh, &old).await, Outcome::Granted);
}
