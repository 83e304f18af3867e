//! The trail: listed, verified, anchored, pruned, and tampered with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::{BILLING, Fixture, ORDERS};
use crate::audit::{Action, AuditReport, AuditSeal, EventDraft, HeadCheck, Outcome};
use crate::clock::{Clock as _, Timestamp};
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::{AuditPage, KeyManager, ListEvents, VerifyAudit};
use crate::store::{AuditHead, Change, EventRecord, KeyStore as _, Operation, Step};

async fn verify(fixture: &Fixture, request: VerifyAudit) -> AuditReport {
    fixture
        .manager
        .verify_audit(request)
        .await
        .expect("verified")
}

async fn whole(fixture: &Fixture) -> AuditReport {
    let report = verify(fixture, VerifyAudit::new()).await;
    assert_eq!(report.fault, None);
    report
}

async fn head(fixture: &Fixture) -> AuditHead {
    fixture.manager.audit_head().await.expect("a head")
}

async fn list(fixture: &Fixture, request: ListEvents) -> AuditPage {
    fixture.manager.audit_events(request).await.expect("events")
}

fn sequences(page: &AuditPage) -> Vec<u64> {
    page.events
        .iter()
        .map(|signed| signed.event.sequence)
        .collect()
}

fn now(fixture: &Fixture) -> Timestamp {
    fixture.clock.now().wall()
}

/// Prunes what is older than now, and returns how many events went, and the
/// last that did.
async fn prune(fixture: &Fixture) -> (u64, u64) {
    let pruned = fixture
        .manager
        .prune_audit(now(fixture), &fixture.actor)
        .await;
    let pruned = pruned.expect("pruned");
    (pruned.events, pruned.through)
}

#[tokio::test]
async fn the_trail_is_listed_in_pages_by_service_and_by_key() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.issue().await, fixture.issue().await);
    fixture.revoke(one.key.id).await;
    let all = list(&fixture, ListEvents::new()).await;
    assert_eq!(sequences(&all), [1, 2, 3, 4, 5]);
    assert_eq!(all.next, None);
    let last = all.events.last().expect("five");
    assert_eq!(
        (last.mac, last.root.as_str()),
        (head(&fixture).await.mac, "k1")
    );

    let pages = ListEvents::new().limit(2);
    let first = list(&fixture, pages.clone()).await;
    assert_eq!((sequences(&first), first.next), (vec![1, 2], Some(2)));
    let second = list(&fixture, pages.clone().after(2)).await;
    assert_eq!((sequences(&second), second.next), (vec![3, 4], Some(4)));
    let third = list(&fixture, pages.after(4)).await;
    assert_eq!((sequences(&third), third.next), (vec![5], None));

    let of_one = list(&fixture, ListEvents::new().key(one.key.id)).await;
    assert_eq!(sequences(&of_one), [3, 5]);
    let of_other = list(&fixture, ListEvents::new().key(other.key.id)).await;
    assert_eq!(sequences(&of_other), [4]);
    let of_orders = list(&fixture, ListEvents::new().service(ORDERS).limit(3)).await;
    assert_eq!(
        (sequences(&of_orders), of_orders.next),
        (vec![1, 3, 4], Some(4))
    );
    let of_billing = list(&fixture, ListEvents::new().service(BILLING)).await;
    assert_eq!(sequences(&of_billing), [2]);
    for limit in [0, 1_001] {
        let refused = fixture
            .manager
            .audit_events(ListEvents::new().limit(limit))
            .await;
        assert_eq!(refused.expect_err("limit").kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn old_events_are_pruned_and_the_rest_is_still_proven() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let before = head(&fixture).await;
    assert_eq!(prune(&fixture).await, (0, 0), "nothing is older than now");
    assert_eq!(head(&fixture).await, before, "no event for nothing");
    fixture.clock.advance(Duration::from_secs(90));
    fixture.revoke(issued.key.id).await;
    let kept = head(&fixture).await;
    assert_eq!(prune(&fixture).await, (3, 3));
    let page = list(&fixture, ListEvents::new()).await;
    assert_eq!(sequences(&page), [4, 5]);
    let told = &page.events[1].event;
    assert_eq!(told.action, Action::AuditPrune);
    let fields: Vec<_> = told
        .changes
        .iter()
        .map(|change| {
            (
                change.field.as_str(),
                change.after.clone().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(fields[0], ("through", "3".to_owned()));
    assert_eq!(fields[1], ("events", "3".to_owned()));
    let report = whole(&fixture).await;
    assert_eq!((report.pruned, report.verified), (3, 2));
    // A head that was kept before the pruning, and one from after it.
    let confirmed = verify(&fixture, VerifyAudit::new().head(kept)).await;
    assert_eq!(confirmed.head, Some(HeadCheck::Confirmed));
    let first = AuditHead {
        sequence: 1,
        ..kept
    };
    let gone = verify(&fixture, VerifyAudit::new().head(first)).await;
    assert_eq!((gone.head, gone.fault), (Some(HeadCheck::Pruned), None));

    // The newest event stays, however old it is.
    fixture.clock.advance(Duration::from_secs(90));
    assert_eq!(prune(&fixture).await, (1, 4));
    let page = list(&fixture, ListEvents::new()).await;
    assert_eq!(sequences(&page), [5, 6]);
    assert_eq!(whole(&fixture).await.pruned, 4);
}

#[tokio::test]
async fn the_end_of_the_trail_is_anchored_while_it_is_whole() {
    let fixture = Fixture::new().await;
    let end = head(&fixture).await;
    let anchor = fixture
        .manager
        .anchor_audit(&fixture.actor)
        .await
        .expect("anchored");
    assert_eq!(anchor.place, end);
    let page = list(&fixture, ListEvents::new()).await;
    let last = &page.events.last().expect("events").event;
    assert_eq!(last.action, Action::AuditAnchor);
    whole(&fixture).await;
}

/// Writes an event as somebody does who has the store and not the keyring.
async fn forge(fixture: &Fixture) {
    let theirs = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let event = EventDraft::new(Action::KeyCreate, &fixture.actor).into_event(now(fixture));
    let record = EventRecord {
        at: event.at,
        service: None,
        key: None,
        bytes: event.encode().expect("encoded"),
    };
    let change = Change {
        steps: vec![Step {
            operation: Operation::Record,
            event: record,
        }],
        seal: AuditSeal::of(theirs.current()),
    };
    fixture.memory.commit(change).await.expect("committed");
}

#[tokio::test]
async fn a_trail_with_a_fault_is_neither_anchored_nor_pruned() {
    let fixture = Fixture::new().await;
    fixture.issue().await;
    forge(&fixture).await;
    let report = verify(&fixture, VerifyAudit::new()).await;
    assert_eq!(
        report.fault.as_deref(),
        Some("event 4 is not as it was written")
    );
    assert_eq!(report.verified, 3);
    fixture.clock.advance(Duration::from_secs(90));
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let anchored = manager.anchor_audit(actor).await.expect_err("a fault");
    let pruned = manager
        .prune_audit(now(&fixture), actor)
        .await
        .expect_err("a fault");
    for error in [anchored, pruned] {
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("event 4"), "{error}");
    }
    assert_eq!(
        list(&fixture, ListEvents::new()).await.events.len(),
        4,
        "all are kept"
    );
}

#[tokio::test]
async fn a_trail_that_was_cut_off_is_found_with_a_head_that_was_kept() {
    let fixture = Fixture::new().await;
    let backup = fixture.memory.snapshot();
    fixture.issue().await;
    let kept = head(&fixture).await;
    fixture.memory.restore(&backup);
    whole(&fixture).await;
    let report = verify(&fixture, VerifyAudit::new().head(kept)).await;
    assert!(report.fault.expect("a fault").contains("cut off"));
    // Others happen in its place.
    fixture.issue().await;
    let report = verify(&fixture, VerifyAudit::new().head(kept)).await;
    assert!(
        report
            .fault
            .expect("a fault")
            .contains("event 3 is not that of the head")
    );
}

#[tokio::test]
async fn many_events_are_verified_a_portion_at_a_time() {
    let fixture = Fixture::new().await;
    let event = || EventDraft::new(Action::KeyCreate, &fixture.actor);
    for _ in 0..3 {
        let steps = (0..900).map(|_| (Operation::Record, event())).collect();
        fixture.manager.commit_all(steps).await.expect("committed");
    }
    assert_eq!(whole(&fixture).await.verified, 2_702);
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(prune(&fixture).await, (2_701, 2_701));
    assert_eq!(whole(&fixture).await.verified, 2);
}

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

#[tokio::test]
async fn what_is_kept_of_a_retired_root_is_proved_through_prunings_and_further_retirements() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let name = |name: &str| name.parse().expect(name);
    let both = fixture.keyring.add(name("k2")).expect("added");
    let node = async |keyring: Keyring| {
        KeyManager::builder(fixture.memory.clone())
            .keyring(keyring)
            .clock(fixture.clock.clone())
            .build()
            .await
            .expect("built")
    };
    fixture.clock.advance(Duration::from_secs(90));
    fixture.revoke(issued.key.id).await;
    let early = now(&fixture);
    let keyring = both.make_current(&name("k2")).expect("rotated");
    let manager = node(keyring.clone()).await;
    manager
        .retire_root(&name("k1"), &fixture.actor)
        .await
        .expect("retired");
    let keyring = keyring.without(&name("k1")).expect("dropped");
    let manager = node(keyring.clone()).await;
    let report = async |manager: &KeyManager| {
        let report = manager.verify_audit(VerifyAudit::new()).await;
        let report = report.expect("verified");
        assert_eq!(report.fault, None);
        (
            report.pruned,
            report.verified,
            report.attested,
            report.unproven,
        )
    };
    assert_eq!(report(&manager).await, (0, 2, 4, 0));
    let pruned = manager.prune_audit(early, &fixture.actor).await;
    assert_eq!(pruned.expect("pruned").through, 3);
    assert_eq!(report(&manager).await, (3, 3, 1, 0));
    manager
        .anchor_audit(&fixture.actor)
        .await
        .expect("anchored");

    let keyring = keyring.add(name("k3")).expect("added");
    let keyring = keyring.make_current(&name("k3")).expect("rotated");
    let manager = node(keyring.clone()).await;
    manager
        .retire_root(&name("k2"), &fixture.actor)
        .await
        .expect("retired");
    let manager = node(keyring.without(&name("k2")).expect("dropped")).await;
    assert_eq!(report(&manager).await, (3, 2, 5, 0));
}
