//! Changes that were asked for and refused are told by the trail.

use std::time::Duration;

use super::{BILLING, Fixture, ORDERS, told};
use crate::audit::{Action, AuditEvent, Outcome as Ended};
use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::key::{KeyId, KeyState};
use crate::manager::{Expiry, KeyPatch, NewKey, NewService, Rotation, ServicePatch, VerifyAudit};
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

/// The attempts that each event of a refusal stands for beyond itself.
fn attempts(events: &[AuditEvent]) -> Vec<Option<&str>> {
    let told = events.iter().map(|event| {
        let mut fields = told(event).into_iter();
        fields.rfind(|(field, ..)| *field == "attempts")
    });
    told.map(|field| field.and_then(|(_, _, after)| after))
        .collect()
}

#[tokio::test]
async fn who_goes_away_before_the_answer_is_told_of_all_the_same() {
    let fixture = Fixture::new().await;
    let nobody = KeyId::random();
    fixture.store.hold_loads();
    {
        let mut disable = Box::pin(fixture.manager.disable_key(nobody, &fixture.actor));
        // The first poll hands the attempt over.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(disable.as_mut().poll(&mut context).is_pending());
        fixture.store.wait_held(1).await;
    }
    fixture.store.release();
    while fixture.events().await.is_empty() {
        tokio::task::yield_now().await;
    }
    let kinds = ends(&fixture.events().await);
    assert_eq!(kinds, [(Action::KeyDisable, ErrorKind::NotFound)]);
}

#[tokio::test]
async fn the_same_attempt_over_and_over_is_one_event_and_then_a_count() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (manager, id) = (&fixture.manager, issued.key.id);
    fixture.revoke(id).await;
    let before = fixture.events().await.len();
    let enable = async |request: u32| {
        let actor = fixture.actor.clone();
        let actor = actor.request_id(&request.to_string()).expect("an id");
        let error = manager.enable_key(id, &actor).await.expect_err("revoked");
        assert_eq!(error.kind(), ErrorKind::State);
    };
    for request in 0..500 {
        enable(request).await;
    }
    assert_eq!(fixture.events().await.len(), before + 1);
    assert_eq!(manager.stats().refused_changes, 500);
    manager.flush_usage().await.expect("written");
    for request in 500..600 {
        enable(request).await;
    }
    // Whoever flushes or shuts down leaves nothing untold; the period goes on.
    manager.shutdown().await.expect("shut down");
    let events = fixture.events().await.split_off(before);
    assert_eq!(attempts(&events), [None, Some("499"), Some("100")]);
    let (action, kind) = (Action::KeyEnable, ErrorKind::State);
    assert_eq!(ends(&events), [(action, kind); 3]);
    for event in &events {
        assert_eq!((event.key, &event.service), (Some(id), &Some(ORDERS)));
    }
    let verified = manager.verify_audit(VerifyAudit::new()).await;
    assert!(verified.expect("verified").is_whole());
}

#[tokio::test]
async fn ever_other_attempts_are_a_bounded_number_of_events() {
    let fixture = Fixture::new().await;
    let manager = &fixture.manager;
    for _ in 0..1_000 {
        let nobody = KeyId::random();
        let error = manager.disable_key(nobody, &fixture.actor).await;
        assert_eq!(error.expect_err("unknown").kind(), ErrorKind::NotFound);
    }
    manager.flush_usage().await.expect("written");
    let events = fixture.events().await;
    let attempts = attempts(&events);
    assert_eq!(attempts.len(), 101);
    assert_eq!(attempts.last(), Some(&Some("900")));
    let rest = events.last().expect("an event");
    assert_eq!((rest.key, rest.actor.name()), (None, "test"));
}

#[tokio::test]
async fn what_could_not_be_written_is_counted_when_it_can() {
    let fixture = Fixture::new().await;
    let past = Expiry::At(crate::clock::Timestamp::from_millis(1));
    let create = async || {
        let new = fixture.new_key().expiry(past);
        let created = fixture.manager.create_key(new, &fixture.actor).await;
        assert_eq!(created.expect_err("past").kind(), ErrorKind::Invalid);
    };
    fixture.store.set(Fault::Fail);
    create().await;
    create().await;
    assert!(fixture.manager.flush_usage().await.is_ok(), "no usage");
    fixture.store.set(Fault::None);
    assert!(fixture.events().await.is_empty());
    fixture.manager.flush_usage().await.expect("written");
    assert_eq!(attempts(&fixture.events().await), [Some("2")]);
}

/// Shuts down while the clock goes on, and says how long that took.
async fn shut_down(fixture: &Fixture) -> Duration {
    let (manager, begun) = (fixture.manager.clone(), fixture.clock.now());
    let shutdown = tokio::spawn(async move { manager.shutdown().await });
    // Both as far as they come before any time passes.
    while !shutdown.is_finished() {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(Duration::from_millis(100));
    }
    shutdown.await.expect("task").expect("shut down");
    fixture.clock.now().age_since(begun)
}

/// A fixture whose trail is owed 100 different refusals, of keys that are not.
async fn owing_many() -> Fixture {
    let fixture = Fixture::new().await;
    for _ in 0..100 {
        let nobody = KeyId::random();
        for _ in 0..2 {
            let refused = fixture.manager.disable_key(nobody, &fixture.actor).await;
            assert_eq!(refused.expect_err("unknown").kind(), ErrorKind::NotFound);
        }
    }
    fixture
}

#[tokio::test]
async fn refusals_are_told_within_the_time_of_one_answer_where_keys_cannot_be_read() {
    let fixture = owing_many().await;
    let issued = fixture.issue().await;
    let granted = fixture.validate(issued.token.expose()).await;
    assert_eq!(granted, super::Outcome::Granted);
    let before = fixture.events().await.len();
    fixture.store.hold_loads();
    let took = shut_down(&fixture).await;
    let timeout = fixture.manager.config().store_timeout;
    assert!(took <= timeout, "{took:?}");
    fixture.store.release();
    let told = fixture.events().await.split_off(before);
    assert_eq!(attempts(&told), vec![Some("1"); 100]);
    let usage = fixture.manager.usage(&[issued.key.id]).await;
    assert_eq!(usage.expect("usage")[0].total.granted, 1);
}

#[tokio::test]
async fn a_store_that_hangs_holds_no_shutdown_for_long_and_loses_no_refusal() {
    let fixture = owing_many().await;
    let before = fixture.events().await.len();
    fixture.store.set(Fault::Hang);
    let took = shut_down(&fixture).await;
    let timeout = fixture.manager.config().store_timeout;
    // A step of the clock more for its last look.
    assert!(took <= timeout + Duration::from_millis(100), "{took:?}");
    fixture.store.set(Fault::None);
    fixture.manager.flush_usage().await.expect("written");
    let events = fixture.events().await.split_off(before);
    let mut told = attempts(&events);
    // The store did not say whether the first time counted.
    assert_eq!(told.split_off(100).len(), 100);
    assert_eq!(told, vec![Some("1"); 100]);
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

#[tokio::test]
async fn a_refusal_that_outlives_every_handle_is_told_by_the_flusher() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let manager = std::mem::replace(&mut fixture.manager, other);
    fixture.store.hold_loads();
    {
        let mut disable = Box::pin(manager.disable_key(KeyId::random(), &fixture.actor));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(disable.as_mut().poll(&mut context).is_pending());
        fixture.store.wait_held(1).await;
    }
    drop(manager);
    // The key is read by now; its refusal cannot be written.
    fixture.store.set(Fault::Fail);
    fixture.store.hold_commits();
    fixture.store.wait_held(2).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fixture.store.set(Fault::None);
    fixture.store.release();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(attempts(&fixture.events().await), [Some("1")]);
}

#[tokio::test]
async fn a_refused_change_makes_no_node_read_anything_again() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let other = fixture.other_node().await;
    fixture.manager.poll_now().await.expect("polled");
    let granted = fixture.validate(issued.token.expose()).await;
    assert_eq!(granted, super::Outcome::Granted);
    let nobody = KeyId::random();
    let refused = other.disable_key(nobody, &fixture.actor).await;
    assert_eq!(refused.expect_err("unknown").kind(), ErrorKind::NotFound);
    fixture.manager.poll_now().await.expect("polled");
    let (loads, calls) = (fixture.store.loads(), fixture.store.calls());
    let granted = fixture.validate(issued.token.expose()).await;
    assert_eq!(granted, super::Outcome::Granted);
    let later = (fixture.store.loads(), fixture.store.calls());
    assert_eq!(later, (loads, calls), "neither the key nor the services");
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
