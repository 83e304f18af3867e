//! What was refused, of what and to whom.

use super::ends;
use crate::audit::Action;
use crate::error::ErrorKind;
use crate::key::{KeyId, KeyState};
use crate::manager::tests::{BILLING, Fixture, ORDERS, told};
use crate::manager::{Expiry, KeyPatch, NewKey, NewService, Rotation, ServicePatch, VerifyAudit};

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
async fn a_refused_change_of_many_names_what_it_was_about() {
    let fixture = Fixture::new().await;
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let past = Expiry::At(crate::clock::Timestamp::from_millis(1));
    let new = || fixture.new_key().expiry(past);
    let billing = NewKey::new(
        BILLING,
        "acme".parse().expect("owner"),
        "job".parse().expect("name"),
    );
    let created = manager.create_keys(vec![new(), billing, new()], actor);
    assert!(created.await.is_err());
    let mut ids: Vec<_> = (0..2).map(|_| KeyId::random()).collect();
    let reason = || "r".parse().expect("reason");
    assert!(
        manager
            .revoke_keys(ids.clone(), reason(), actor)
            .await
            .is_err()
    );
    ids.extend((0..998).map(|_| KeyId::random()));
    assert!(
        manager
            .revoke_keys(ids.clone(), reason(), actor)
            .await
            .is_err()
    );
    let events = fixture.events().await;
    let two = format!("{} {}", ids[0], ids[1]);
    assert_eq!(
        told(&events[0])[..2],
        [
            ("keys", None, Some("3")),
            ("services", None, Some("billing orders"))
        ]
    );
    assert_eq!(
        told(&events[1]),
        [("keys", None, Some("2")), ("ids", None, Some(&*two))]
    );
    let (_, _, many) = told(&events[2])[1];
    let many = many.expect("ids");
    assert!(
        many.starts_with(&two) && many.ends_with(" and 950 more"),
        "{many}"
    );
    assert!(many.len() < 2_000);
}

#[tokio::test]
async fn the_service_of_a_refused_change_is_asked_for_once() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    fixture.revoke(id).await;
    for _ in 0..3 {
        let refused = fixture.manager.enable_key(id, &fixture.actor).await;
        assert_eq!(refused.expect_err("revoked").kind(), ErrorKind::State);
    }
    let loads = fixture.store.loads();
    fixture.manager.flush_usage().await.expect("written");
    assert_eq!(fixture.store.loads(), loads);
    let last = fixture.events().await.pop().expect("an event");
    assert_eq!((last.key, last.service), (Some(id), Some(ORDERS)));
}
