//! What others prune and anchor while the trail is walked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::{list, now, whole};
use crate::audit::{Action, EventDraft, Outcome};
use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::manager::tests::Fixture;
use crate::manager::{ListEvents, VerifyAudit};
use crate::store::Operation;

#[tokio::test]
async fn a_walk_whose_start_is_pruned_meanwhile_begins_anew() {
    let fixture = Fixture::new().await;
    fixture.issue().await;
    fixture.clock.advance(Duration::from_secs(90));
    // The one anchor that there is, up to which another node prunes: once the
    // walk has learnt where the trail ends.
    let anchored = fixture.manager.anchor_audit(&fixture.actor).await;
    let through = anchored.expect("anchored").place.sequence;
    let (other, actor) = (fixture.other_node().await, fixture.actor.clone());
    let (before, once) = (now(&fixture), Arc::new(AtomicBool::new(true)));
    fixture.store.after_audit_heads(move || {
        let (other, actor, once) = (other.clone(), actor.clone(), Arc::clone(&once));
        Box::pin(async move {
            if once.swap(false, Relaxed) {
                let pruned = other.prune_audit(before, &actor).await.expect("pruned");
                assert_eq!(pruned.through, through);
            }
        })
    });
    let report = whole(&fixture).await;
    assert_eq!((report.pruned, report.verified), (through, 2));
}

#[tokio::test]
async fn a_trail_that_is_pruned_during_every_walk_has_no_fault_for_it() {
    let fixture = Fixture::new().await;
    let (other, actor) = (fixture.other_node().await, fixture.actor.clone());
    let clock = fixture.clock.clone();
    fixture.store.after_audit_heads(move || {
        let (other, actor, clock) = (other.clone(), actor.clone(), clock.clone());
        Box::pin(async move {
            clock.advance(Duration::from_secs(1));
            other.anchor_audit(&actor).await.expect("anchored");
            let before = clock.now().wall();
            other.prune_audit(before, &actor).await.expect("pruned");
        })
    });
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let verified = manager.verify_audit(VerifyAudit::new()).await;
    let anchored = manager.anchor_audit(actor).await.map(drop);
    for error in [verified.map(drop), anchored].map(|ended| ended.expect_err("never at rest")) {
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
}

#[tokio::test]
async fn a_place_that_is_anchored_during_a_walk_is_no_fault() {
    let fixture = Fixture::new().await;
    fixture.issue().await;
    let (other, actor) = (fixture.other_node().await, fixture.actor.clone());
    let once = Arc::new(AtomicBool::new(true));
    fixture.store.after_anchors({
        let once = Arc::clone(&once);
        move || {
            let (other, actor, once) = (other.clone(), actor.clone(), Arc::clone(&once));
            Box::pin(async move {
                if once.swap(false, Relaxed) {
                    other.anchor_audit(&actor).await.expect("anchored");
                }
            })
        }
    });
    assert_eq!(whole(&fixture).await.verified, 4);
    once.store(true, Relaxed);
    let anchored = fixture.manager.anchor_audit(&fixture.actor).await;
    assert_eq!(anchored.expect("a whole trail").place.sequence, 5);
    assert!(!once.load(Relaxed));
}

#[tokio::test]
async fn a_trail_that_is_anchored_during_every_walk_has_no_fault_for_it() {
    let fixture = Fixture::new().await;
    let (other, actor) = (fixture.other_node().await, fixture.actor.clone());
    fixture.store.after_anchors(move || {
        let (other, actor) = (other.clone(), actor.clone());
        Box::pin(async move {
            other.anchor_audit(&actor).await.expect("anchored");
        })
    });
    let verified = fixture.manager.verify_audit(VerifyAudit::new()).await;
    let error = verified.expect_err("never at rest");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_pruning_that_somebody_overtakes_is_not_told_as_refused() {
    let fixture = Fixture::new().await;
    // More than go at once.
    for _ in 0..11 {
        let event = || EventDraft::new(Action::KeyCreate, &fixture.actor);
        let steps = (0..950).map(|_| (Operation::Record, event())).collect();
        fixture.manager.commit_all(steps).await.expect("committed");
    }
    fixture.clock.advance(Duration::from_secs(1));
    let before = now(&fixture);
    let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
    fixture.store.hold_commits();
    let pruning = tokio::spawn(async move { manager.prune_audit(before, &actor).await });
    fixture.store.wait_held(1).await;
    let other = fixture.other_node().await;
    let theirs = other.prune_audit(before, &fixture.actor).await;
    let through = theirs.expect("the rest").through;
    fixture.store.release();
    let ours = pruning.await.expect("task").expect("a part");
    assert_eq!((ours.events, ours.through), (10_000, through));
    let told = list(&fixture, ListEvents::new()).await.events;
    let told = told.iter().map(|signed| signed.event.outcome);
    assert!(told.clone().all(|outcome| outcome == Outcome::Done));
    assert_eq!(told.len(), 2, "that of each pruning");
}
