//! Changes that were asked for and refused are told by the trail.

use super::{BILLING, Fixture, ORDERS, told};
use crate::audit::{Action, AuditEvent, Outcome as Ended};
use crate::error::ErrorKind;
use crate::key::{KeyId, KeyState};
use crate::manager::{Expiry, KeyPatch, NewService, Rotation, ServicePatch, VerifyAudit};
use crate::store::Fault;

fn ends(events: &[AuditEvent]) -> Vec<(Action, ErrorKind)> {
    let refused = events.iter().filter_map(|event| match event.outcome {
        Ended::Refused(kind) => Some((event.action, kind)),
        Ended::Done => None,
    });
    refused.collect()
}

#[tokio::test]
async fn each_refused_change_is_one_event_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let issued = fixture.issue().await;
    let (id, nobody) = (issued.key.id, KeyId::random());
    fixture.revoke(id).await;
    let reason = || "r".parse().expect("reason");
    let past = Expiry::At(crate::clock::Timestamp::from_millis(1));
    let expected = [
        (
            manager
                .create_service(NewService::new(ORDERS), actor)
                .await
                .err(),
            (Action::ServiceCreate, ErrorKind::AlreadyExists),
        ),
        (
            manager
                .update_service(&ORDERS, ServicePatch::new().quota(0), actor)
                .await
                .err(),
            (Action::ServiceUpdate, ErrorKind::Invalid),
        ),
        (
            manager
                .retire_service(&"none".parse().expect("name"), reason(), actor)
                .await
                .err(),
            (Action::ServiceRetire, ErrorKind::NotFound),
        ),
        (
            manager
                .create_key(fixture.new_key().expiry(past), actor)
                .await
                .err(),
            (Action::KeyCreate, ErrorKind::Invalid),
        ),
        (
            manager
                .create_keys(vec![fixture.new_key().expiry(past)], actor)
                .await
                .err(),
            (Action::KeyCreate, ErrorKind::Invalid),
        ),
        (
            manager
                .update_key(id, KeyPatch::new().expected_version(9), actor)
                .await
                .err(),
            (Action::KeyUpdate, ErrorKind::Conflict),
        ),
        (
            manager
                .rotate_key(id, Rotation::default(), actor)
                .await
                .err(),
            (Action::KeyRotate, ErrorKind::State),
        ),
        (
            manager.revoke_key(nobody, reason(), actor).await.err(),
            (Action::KeyRevoke, ErrorKind::NotFound),
        ),
        (
            manager
                .revoke_keys(vec![nobody], reason(), actor)
                .await
                .err(),
            (Action::KeyRevoke, ErrorKind::NotFound),
        ),
        (
            manager.disable_key(id, actor).await.err(),
            (Action::KeyDisable, ErrorKind::State),
        ),
        (
            manager.enable_key(id, actor).await.err(),
            (Action::KeyEnable, ErrorKind::State),
        ),
    ];
    let events = fixture.events().await;
    let kinds: Vec<_> = expected
        .iter()
        .map(|(error, (_, kind))| {
            let error = error.as_ref().expect("refused");
            assert_eq!(error.kind(), *kind, "{error}");
        })
        .collect();
    assert_eq!(ends(&events).len(), kinds.len());
    let told_ends: Vec<_> = expected.into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends(&events), told_ends);
    assert!(events.iter().all(|event| event.actor == *actor));
    let rotation = events
        .iter()
        .find(|event| event.action == Action::KeyRotate);
    let rotation = rotation.expect("told");
    assert_eq!(
        (rotation.key, &rotation.service),
        (Some(id), &Some(ORDERS)),
        "found by service"
    );
    let quota = events
        .iter()
        .find(|event| event.action == Action::ServiceUpdate);
    assert_eq!(
        told(quota.expect("told")),
        [("quota", None, None)],
        "the field, not the value"
    );
    let key = manager.key(id).await.expect("key");
    assert!(matches!(key.state, KeyState::Revoked(_)) && key.version == 2);
    assert!(
        manager
            .verify_audit(VerifyAudit::new())
            .await
            .expect("verified")
            .is_whole()
    );
}

#[tokio::test]
async fn reading_and_presenting_leave_nothing_in_the_trail() {
    let fixture = Fixture::new().await;
    let (manager, nobody) = (&fixture.manager, KeyId::random());
    let head = manager.audit_head().await.expect("head");
    assert!(manager.key(nobody).await.is_err());
    assert!(
        manager
            .service(&"none".parse().expect("name"))
            .await
            .is_err()
    );
    let list = crate::manager::ListKeys::of(BILLING).cursor("forged");
    assert!(manager.list_keys(list).await.is_err());
    for token in ["", "nonsense", "pck_live_x"] {
        fixture.validate(token).await;
    }
    assert_eq!(manager.audit_head().await.expect("head"), head);
}

#[tokio::test]
async fn a_refusal_that_cannot_be_written_stays_what_it_is() {
    let fixture = Fixture::new().await;
    let past = Expiry::At(crate::clock::Timestamp::from_millis(1));
    fixture.store.set(Fault::Fail);
    let new = fixture.new_key().expiry(past);
    let error = fixture
        .manager
        .create_key(new, &fixture.actor)
        .await
        .expect_err("past");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    // A store that is away is nobody's attempt.
    let error = fixture
        .manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await;
    assert_eq!(error.expect_err("away").kind(), ErrorKind::Unavailable);
    fixture.store.set(Fault::None);
    assert!(fixture.events().await.is_empty());
}

#[tokio::test]
async fn a_conflict_that_was_overcome_is_no_refusal() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let other = fixture.other_node().await;
    // The first look is held until somebody else has changed the record.
    fixture.store.hold_loads();
    let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
    let update = tokio::spawn(async move {
        let renamed = KeyPatch::new().name("mine".parse().expect("name"));
        manager.update_key(id, renamed, &actor).await
    });
    fixture.store.wait_held(1).await;
    let noted = KeyPatch::new().note("theirs".parse::<crate::key::Note>().expect("note"));
    other
        .update_key(id, noted, &fixture.actor)
        .await
        .expect("updated");
    fixture.store.release();
    let key = update.await.expect("task").expect("updated");
    assert_eq!((key.name.as_str(), key.version), ("mine", 3));
    assert_eq!(
        key.note.expect("theirs").as_str(),
        "theirs",
        "nothing is lost"
    );
    assert_eq!(ends(&fixture.events().await), []);
}
