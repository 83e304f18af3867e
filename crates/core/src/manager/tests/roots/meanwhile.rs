//! What other nodes do while a root is retired, and after it where they missed
//! that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::{faulty_node, name, node, retire, root, roots, rotate_key, rotated, validate, with_k2};
use crate::audit::{Action, EventDraft, Outcome as Ended};
use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::manager::tests::{Fixture, Outcome};
use crate::manager::{ListEvents, VerifyAudit};
use crate::store::{Fault, Operation};

#[tokio::test]
async fn what_a_node_that_comes_late_signs_meanwhile_is_anchored_as_well() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let rotated = rotated(&with_k2(&fixture));
    let (store, manager) = faulty_node(&fixture, &rotated).await;
    rotate_key(&manager, &fixture, &issued).await;
    // While it is retired, another node goes on under the old root: until the
    // store refuses that.
    store.set(Fault::Slow(Duration::from_millis(20)));
    let (retiring, actor) = (manager.clone(), fixture.actor.clone());
    let retired = tokio::spawn(async move { retiring.retire_root(&name("k1"), &actor).await });
    let (id, mut late) = (issued.key.id, 0);
    loop {
        let disabled = fixture.manager.disable_key(id, &fixture.actor).await;
        let enabled = fixture.manager.enable_key(id, &fixture.actor).await;
        match disabled.and(enabled) {
            Ok(_) => late = fixture.manager.audit_head().await.expect("a head").sequence,
            Err(error) => break assert_eq!(error.kind(), ErrorKind::Retired),
        }
    }
    retired.await.expect("task").expect("retired");

    let alone = rotated.without(&name("k1")).expect("dropped");
    let manager = node(&fixture, &alone).await;
    let report = manager
        .verify_audit(VerifyAudit::new())
        .await
        .expect("verified");
    assert_eq!(report.fault, None);
    assert!(report.rests_on.expect("an anchor").place.sequence >= late);
}

#[tokio::test]
async fn a_retirement_that_stands_is_not_told_as_refused() {
    // The walk after the retirement: somebody prunes during six of them, or for
    // as long as there are any.
    for prunings in [6, usize::MAX] {
        let fixture = Fixture::new().await;
        let rotated = rotated(&with_k2(&fixture));
        let (store, manager) = faulty_node(&fixture, &rotated).await;
        let (late, pruner) = (fixture.manager.clone(), node(&fixture, &rotated).await);
        let (clock, actor) = (fixture.clock.clone(), fixture.actor.clone());
        let heads = Arc::new(AtomicUsize::new(0));
        store.after_audit_heads(move || {
            let head = heads.fetch_add(1, Relaxed);
            let (late, pruner) = (late.clone(), pruner.clone());
            let (clock, actor) = (clock.clone(), actor.clone());
            Box::pin(async move {
                if head == 0 {
                    let event = EventDraft::new(Action::KeyCreate, &actor);
                    let late = late.commit(Operation::Record, event).await;
                    late.expect("not retired yet");
                } else if head <= prunings {
                    clock.advance(Duration::from_secs(1));
                    pruner.anchor_audit(&actor).await.expect("anchored");
                    let pruned = pruner.prune_audit(clock.now().wall(), &actor).await;
                    pruned.expect("pruned");
                }
            })
        });
        let retired = retire(&manager, &fixture, "k1").await;
        if prunings == 6 {
            assert_eq!(retired, Ok(()));
        } else {
            assert_eq!(retired, Err(ErrorKind::Conflict));
        }
        assert!(root(&manager, "k1").await.retired);
        assert_eq!(manager.stats().refused_changes, 0);
        let events = manager.audit_events(ListEvents::new()).await;
        let mut outcomes = events.expect("events").events.into_iter();
        assert!(outcomes.all(|signed| signed.event.outcome == Ended::Done));
    }
}

#[tokio::test]
async fn a_node_that_missed_the_retirement_makes_nothing_under_the_root() {
    let fixture = Fixture::new().await;
    let both = with_k2(&fixture);
    let manager = node(&fixture, &rotated(&both)).await;
    let issued = manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await
        .expect("issued");
    // A node with both roots that still takes the old one for the current one.
    let late = node(&fixture, &both).await;
    retire(&manager, &fixture, "k1").await.expect("retired");
    let refused = late.create_key(fixture.new_key(), &fixture.actor).await;
    let error = refused.expect_err("retired");
    assert_eq!(error.kind(), ErrorKind::Retired);
    assert!(error.to_string().contains("root k1 is retired"), "{error}");
    // Neither does it take a digest back to where nobody finds it.
    assert_eq!(validate(&late, &issued).await, Outcome::Granted);
    late.flush_usage().await.expect("flushed");
    let key = manager.key(issued.key.id).await.expect("there");
    assert_eq!(roots(&key), [("k2", "k2")]);
    assert_eq!(late.stats().redigests, 0);
}
