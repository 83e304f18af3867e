//! A trail that somebody wrote to or cut off.

use std::time::Duration;

use super::{head, list, now, sequences, verify, whole};
use crate::audit::{Action, AuditSeal, EventDraft};
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::tests::Fixture;
use crate::manager::{ListEvents, VerifyAudit};
use crate::store::{Change, EventRecord, KeyStore as _, Operation, Step};

/// Writes an event as somebody does who has the store and not the keyring.
async fn forge(fixture: &Fixture) {
    let event = EventDraft::new(Action::KeyCreate, &fixture.actor).into_event(now(fixture));
    write(fixture, event.encode().expect("encoded")).await;
}

async fn write(fixture: &Fixture, bytes: Vec<u8>) {
    let theirs = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let record = EventRecord {
        at: now(fixture),
        service: None,
        key: None,
        bytes,
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
async fn an_event_that_cannot_be_read_hides_none_before_or_behind_it() {
    let fixture = Fixture::new().await;
    write(&fixture, b"{".to_vec()).await;
    fixture.issue().await;
    for limit in [2, 3, 50] {
        let before = list(&fixture, ListEvents::new().limit(limit)).await;
        assert_eq!((sequences(&before), before.next), (vec![1, 2], Some(2)));
        let request = ListEvents::new().after(2).limit(limit);
        let error = fixture.manager.audit_events(request).await;
        let error = error.expect_err("unreadable");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let words = "audit event 3 cannot be read; the trail goes on after 3";
        assert_eq!(error.to_string(), words);
        let behind = list(&fixture, ListEvents::new().after(3).limit(limit)).await;
        assert_eq!((sequences(&behind), behind.next), (vec![4], None));
    }
}
