//! What is anchored and pruned, and how the rest is proved then.

use std::time::Duration;

use super::{head, list, now, prune, sequences, verify, whole};
use crate::audit::{Action, EventDraft, HeadCheck};
use crate::keyring::Keyring;
use crate::manager::tests::Fixture;
use crate::manager::{KeyManager, ListEvents, VerifyAudit};
use crate::store::{AuditHead, Operation};

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
async fn what_is_kept_of_a_retired_root_is_proved_through_prunings_and_further_retirements() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let name = |name: &str| name.parse().expect(name);
    let both = fixture.keyring.add(name("k2")).expect("added");
    let node = async |keyring: Keyring| {
        let built = fixture.builder().keyring(keyring).build().await;
        built.expect("built")
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
