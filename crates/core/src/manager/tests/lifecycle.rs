use std::time::Duration;

use super::{BILLING, Fixture, ORDERS, Outcome};
use crate::clock::{Clock, Timestamp};
use crate::error::ErrorKind;
use crate::key::{Key, KeyId, KeyState, KeyStatus};
use crate::manager::{
    Expiry, ListEvents, ListKeys, ManagerConfig, NewKey, NewService, Rotation, VerifyAudit,
};
use crate::service::ServiceName;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_creations_against_a_quota_of_ten_ten_succeed() {
    let fixture = Fixture::new().await;
    let small = ServiceName::from_static("small");
    let service = NewService::new(small.clone()).quota(10);
    fixture
        .manager
        .create_service(service, &fixture.actor)
        .await
        .expect("created");
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
            let key = NewKey::new(
                small.clone(),
                "a".parse().expect("owner"),
                "b".parse().expect("name"),
            );
            tokio::spawn(async move { manager.create_key(key, &actor).await })
        })
        .collect();
    let mut keys = Vec::new();
    for task in tasks {
        match task.await.expect("task") {
            Ok(issued) => keys.push(issued.key),
            Err(error) => assert_eq!(error.kind(), ErrorKind::QuotaReached, "{error}"),
        }
    }
    assert_eq!(keys.len(), 10);
    fixture.revoke(keys[0].id).await;
    let key = NewKey::new(
        small,
        "a".parse().expect("owner"),
        "b".parse().expect("name"),
    );
    fixture
        .manager
        .create_key(key, &fixture.actor)
        .await
        .expect("a revoked key leaves room");
}

#[tokio::test]
async fn an_expiry_that_is_past_or_too_far_is_refused_and_nothing_is_created() {
    let day = Duration::from_secs(86_400);
    let config = ManagerConfig::default()
        .max_lifetime(day * 30)
        .default_lifetime(day * 7);
    let fixture = Fixture::with(config).await;
    let now = fixture.clock.now().wall();
    for expiry in [
        Expiry::At(now),
        Expiry::At(Timestamp::from_millis(0)),
        Expiry::At(Timestamp::MAX),
        Expiry::In(Duration::ZERO),
        Expiry::In(Duration::from_millis(999)),
        Expiry::In(Duration::MAX),
        Expiry::In(day * 31),
        Expiry::Never,
    ] {
        let new = fixture.new_key().expiry(expiry);
        let error = fixture
            .manager
            .create_key(new, &fixture.actor)
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{expiry:?}");
    }
    let page = fixture
        .manager
        .list_keys(ListKeys::of(ORDERS))
        .await
        .expect("listed");
    assert!(page.keys.is_empty());
    let issued = fixture.issue().await;
    assert_eq!(issued.key.expires_at, Some(now.saturating_add(day * 7)));
    let hour = Duration::from_secs(3_600);
    let config = ManagerConfig::default()
        .max_lifetime(hour)
        .default_lifetime(hour);
    let fixture = Fixture::with(config).await;
    let new = fixture.new_key().expiry(Expiry::Never);
    let refused = fixture.manager.create_key(new, &fixture.actor).await;
    let told = refused.expect_err("for ever").to_string();
    assert!(told.ends_with("at most 3600 seconds from now"), "{told}");
}

#[tokio::test]
async fn what_does_not_exist_is_said_to_be_missing() {
    let fixture = Fixture::new().await;
    let (manager, actor, nobody) = (&fixture.manager, &fixture.actor, KeyId::random());
    let none = ServiceName::from_static("none");
    let key = NewKey::new(
        none.clone(),
        "a".parse().expect("owner"),
        "b".parse().expect("name"),
    );
    let errors = [
        manager
            .create_key(key, actor)
            .await
            .map(|_| ())
            .expect_err("no service"),
        manager
            .list_keys(ListKeys::of(none))
            .await
            .map(|_| ())
            .expect_err("no service"),
        manager.key(nobody).await.map(|_| ()).expect_err("no key"),
        manager
            .rotate_key(nobody, Rotation::default(), actor)
            .await
            .map(|_| ())
            .expect_err("no key"),
        manager
            .disable_key(nobody, actor)
            .await
            .map(|_| ())
            .expect_err("no key"),
    ];
    assert!(
        errors
            .iter()
            .all(|error| error.kind() == ErrorKind::NotFound),
        "{errors:?}"
    );
    let again = manager
        .create_service(NewService::new(ORDERS), actor)
        .await
        .expect_err("taken");
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn a_revoked_key_stays_revoked() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (manager, actor, id) = (&fixture.manager, &fixture.actor, issued.key.id);
    fixture.revoke(id).await;
    let first = manager.key(id).await.expect("key");
    fixture.clock.advance(Duration::from_secs(5));
    let again = manager
        .revoke_key(id, "other".parse().expect("reason"), actor)
        .await
        .expect("as it is");
    assert_eq!(again, first, "the first revocation stands");
    assert_eq!(
        manager
            .enable_key(id, actor)
            .await
            .expect_err("revoked")
            .kind(),
        ErrorKind::State
    );
    assert_eq!(
        manager
            .disable_key(id, actor)
            .await
            .expect_err("revoked")
            .kind(),
        ErrorKind::State
    );
    let rotation = Rotation::default();
    assert_eq!(
        manager
            .rotate_key(id, rotation, actor)
            .await
            .expect_err("revoked")
            .kind(),
        ErrorKind::State
    );
    assert!(matches!(again.state, KeyState::Revoked(_)));
    assert_eq!(again.status(fixture.clock.now().wall()), KeyStatus::Revoked);
}

#[tokio::test]
async fn at_most_four_secrets_count_and_a_grace_of_zero_ends_the_older_ones() {
    let fixture = Fixture::new().await;
    let first = fixture.issue().await;
    let (manager, actor, id) = (&fixture.manager, &fixture.actor, first.key.id);
    let mut tokens = vec![first.token];
    for _ in 1..Key::MAX_SECRETS {
        let issued = manager
            .rotate_key(id, Rotation::default(), actor)
            .await
            .expect("rotated");
        tokens.push(issued.token);
    }
    for token in &tokens {
        assert_eq!(fixture.validate(token.expose()).await, Outcome::Granted);
    }
    let full = manager
        .rotate_key(id, Rotation::default(), actor)
        .await
        .expect_err("full");
    assert_eq!(full.kind(), ErrorKind::State);
    let at_once = Rotation::default().grace(Duration::ZERO);
    let last = manager
        .rotate_key(id, at_once, actor)
        .await
        .expect("rotated");
    assert_eq!(last.key.secrets.len(), Key::MAX_SECRETS);
    for token in &tokens {
        assert_ne!(fixture.validate(token.expose()).await, Outcome::Granted);
    }
    assert_eq!(
        fixture.validate(last.token.expose()).await,
        Outcome::Granted
    );
    let absurd = Rotation::default().grace(Duration::MAX);
    assert_eq!(
        manager
            .rotate_key(id, absurd, actor)
            .await
            .expect_err("absurd")
            .kind(),
        ErrorKind::Invalid
    );
}

#[tokio::test]
async fn pages_list_every_key_once_while_keys_come_and_go() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for at in 0..25 {
        ids.push(fixture.issue().await.key.id);
        if at % 3 == 0 {
            fixture.clock.advance(Duration::from_millis(1));
        }
    }
    let other = NewKey::new(
        BILLING,
        "a".parse().expect("owner"),
        "b".parse().expect("name"),
    );
    fixture
        .manager
        .create_key(other, &fixture.actor)
        .await
        .expect("issued");
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = ListKeys::of(ORDERS).limit(10);
        if let Some(cursor) = cursor {
            request = request.cursor(cursor);
        }
        let page = fixture.manager.list_keys(request).await.expect("listed");
        seen.extend(page.keys.iter().map(|key| key.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        fixture.revoke(seen[0]).await;
    }
    assert_eq!(seen.len(), 25);
    ids.sort();
    seen.sort();
    assert_eq!(seen, ids);
    let page = fixture
        .manager
        .list_keys(ListKeys::of(ORDERS).limit(25))
        .await
        .expect("listed");
    assert_eq!(
        page.next, None,
        "a page that ends with the listing has no next one"
    );
    let forged = ListKeys::of(ORDERS).cursor("AAAA");
    assert_eq!(
        fixture
            .manager
            .list_keys(forged)
            .await
            .expect_err("forged")
            .kind(),
        ErrorKind::Cursor
    );
    for limit in [0, 1_001, u32::MAX] {
        let error = fixture
            .manager
            .list_keys(ListKeys::of(ORDERS).limit(limit))
            .await;
        assert_eq!(error.expect_err("limit").kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn every_change_leaves_one_event_and_the_chain_holds() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (manager, actor, id) = (&fixture.manager, &fixture.actor, issued.key.id);
    let rotated = manager
        .rotate_key(id, Rotation::default(), actor)
        .await
        .expect("rotated");
    manager.disable_key(id, actor).await.expect("disabled");
    manager
        .disable_key(id, actor)
        .await
        .expect("disabled already");
    manager.enable_key(id, actor).await.expect("enabled");
    fixture.revoke(id).await;
    let page = manager
        .audit_events(ListEvents::new())
        .await
        .expect("events");
    assert_eq!(page.next, None);
    let events: Vec<_> = page.events.into_iter().map(|signed| signed.event).collect();
    let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "service.create",
            "service.create",
            "key.create",
            "key.rotate",
            "key.disable",
            "key.enable",
            "key.revoke"
        ]
    );
    let last = events.last().expect("events");
    assert_eq!(last.actor, *actor);
    assert_eq!(last.key, Some(id));
    let told: Vec<_> = last
        .changes
        .iter()
        .map(|change| (change.field.as_str(), change.after.as_deref()))
        .collect();
    assert_eq!(
        told,
        [("state", Some("revoked")), ("reason", Some("leaked"))]
    );
    let report = manager
        .verify_audit(VerifyAudit::new())
        .await
        .expect("verified");
    assert_eq!((report.verified, report.is_whole()), (7, true));
    let text = format!("{events:?}");
    for token in [issued.token, rotated.token] {
        let secret = &token.expose()[token.expose().len() - 49..];
        assert!(!text.contains(secret), "a secret in the trail");
    }
    let none = manager.audit_events(ListEvents::new().limit(0)).await;
    assert_eq!(none.expect_err("limit").kind(), ErrorKind::Invalid);
}
