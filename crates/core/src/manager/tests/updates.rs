//! Keys that are changed.

use std::time::Duration;

use super::{Fixture, ORDERS, Outcome, told};
use crate::audit::Outcome as Ended;
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::error::ErrorKind;
use crate::key::{Addresses, Key, KeyId, Metadata, Note};
use crate::limits::Rate;
use crate::manager::{
    Expiry, KeyManager, KeyPatch, ManagerConfig, NewService, Patch, Rotation, ServicePatch,
};
use crate::scope::Scopes;
use crate::verdict::DenialReason;

const DAY: Duration = Duration::from_secs(86_400);

impl Fixture {
    async fn update(&self, id: KeyId, patch: KeyPatch) -> Key {
        let updated = self.manager.update_key(id, patch, &self.actor).await;
        updated.expect("updated")
    }

    async fn refuse(&self, id: KeyId, patch: KeyPatch) -> (ErrorKind, String) {
        let before = self.manager.key(id).await.ok();
        let updated = self.manager.update_key(id, patch, &self.actor).await;
        let error = updated.expect_err("refused");
        assert_eq!(self.manager.key(id).await.ok(), before, "nothing changed");
        (error.kind(), error.to_string())
    }
}

fn patch(json: &str) -> KeyPatch {
    json.parse().expect(json)
}

#[tokio::test]
async fn each_field_is_kept_cleared_or_set_and_the_event_tells_which() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let end = fixture.clock.now().wall().saturating_add(DAY);
    let set = KeyPatch::new()
        .name("renamed".parse().expect("name"))
        .owner("globex".parse().expect("owner"))
        .scopes("orders:read".parse::<Scopes>().expect("scopes"))
        .rate("10/m".parse::<Rate>().expect("rate"))
        .expiry(Expiry::At(end))
        .addresses("192.0.2.0/24".parse::<Addresses>().expect("networks"))
        .metadata(r#"{"team":"x"}"#.parse::<Metadata>().expect("object"))
        .note("for the audit".parse::<Note>().expect("note"));
    let before = fixture.manager.key(id).await.expect("key");
    let key = fixture.update(id, set.clone()).await;
    assert_eq!(fixture.manager.key(id).await.expect("key"), key);
    let shown = [
        key.name.to_string(),
        key.owner.to_string(),
        key.scopes.to_string(),
        key.rate.expect("rate").to_string(),
        key.addresses.to_string(),
        key.metadata.to_string(),
        key.note.clone().expect("note").to_string(),
    ];
    let expected = [
        "renamed",
        "globex",
        "orders:read",
        "10/m",
        "192.0.2.0/24",
        r#"{"team":"x"}"#,
        "for the audit",
    ];
    assert_eq!(shown, expected);
    assert_eq!((key.expires_at, key.version), (Some(end), 2));
    assert_eq!(
        (
            key.state.clone(),
            key.secrets.clone(),
            key.created_by.clone()
        ),
        (before.state, before.secrets, before.created_by)
    );
    let (year, day) = (
        before.expires_at.expect("a year").to_string(),
        end.to_string(),
    );
    let events = fixture.events().await;
    assert_eq!(
        told(&events[1]),
        [
            ("name", Some("job"), Some("renamed")),
            ("owner", Some("acme"), Some("globex")),
            ("scopes", Some("orders:*"), Some("orders:read")),
            ("rate", None, Some("10/m")),
            ("expires_at", Some(&*year), Some(&*day)),
            ("addresses", None, Some("192.0.2.0/24")),
            ("note", None, Some("for the audit")),
            ("metadata", Some("2 bytes"), Some("12 bytes")),
        ]
    );
    assert_eq!(
        (events[1].key, &events[1].service),
        (Some(id), &Some(ORDERS))
    );

    let cleared = fixture
        .update(
            id,
            KeyPatch::new()
                .scopes(Patch::Clear)
                .rate(Patch::Clear)
                .expiry(Expiry::Never)
                .addresses(Patch::Clear)
                .metadata(Patch::Clear)
                .note(Patch::Clear),
        )
        .await;
    assert!(cleared.scopes.is_empty() && cleared.addresses.is_empty());
    assert!(cleared.metadata.is_empty() && cleared.note.is_none());
    assert_eq!((cleared.rate, cleared.expires_at), (None, None));
    assert_eq!((cleared.name, cleared.owner), (key.name, key.owner));
}

#[tokio::test]
async fn what_changes_nothing_is_no_change() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let before = fixture.manager.audit_head().await.expect("head");
    for json in [
        "{}",
        r#"{"name":"job","scopes":["orders:*"],"rate":null,"metadata":{"a":null}}"#,
    ] {
        assert_eq!(fixture.update(id, patch(json)).await.version, 1, "{json}");
    }
    assert_eq!(fixture.manager.audit_head().await.expect("head"), before);
}

#[tokio::test]
async fn a_change_elsewhere_that_is_there_already_holds_here_at_once() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (id, token) = (issued.key.id, issued.token);
    assert_eq!(fixture.validate(token.expose()).await, Outcome::Granted);
    let other = fixture.other_node().await;
    let list = patch(r#"{"addresses":["192.0.2.0/24"]}"#);
    other
        .update_key(id, list.clone(), &fixture.actor)
        .await
        .expect("updated");
    assert_eq!(
        fixture.validate(token.expose()).await,
        Outcome::Granted,
        "not noticed yet"
    );
    // Nothing is left to do, and what is cached here must not stay for that.
    assert_eq!(fixture.update(id, list).await.version, 2);
    let address = Outcome::Denied(DenialReason::Address);
    assert_eq!(fixture.validate(token.expose()).await, address);
}

#[tokio::test]
async fn a_change_holds_for_the_next_request_here_and_after_one_poll_elsewhere() {
    let fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    let list = patch(r#"{"addresses":["192.0.2.0/24"]}"#);
    fixture.update(issued.key.id, list).await;
    let address = Outcome::Denied(DenialReason::Address);
    assert_eq!(fixture.validate(token).await, address);
    other
        .update_key(
            issued.key.id,
            patch(r#"{"addresses":null}"#),
            &fixture.actor,
        )
        .await
        .expect("updated");
    fixture.pass_poll().await;
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
}

#[tokio::test]
async fn of_two_who_saw_the_same_version_one_changes_it() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let expecting = |name: &str, version| {
        KeyPatch::new()
            .name(name.parse().expect("name"))
            .expected_version(version)
    };
    assert_eq!(fixture.update(id, expecting("first", 1)).await.version, 2);
    for stale in [0, 1, 3, u64::MAX] {
        let (kind, told) = fixture.refuse(id, expecting("second", stale)).await;
        assert_eq!(kind, ErrorKind::Conflict, "{told}");
        assert!(
            told.ends_with(&format!("is of version 2, not {stale}")),
            "{told}"
        );
    }
    // Without a version the change is meant for whatever is there.
    let anyhow = KeyPatch::new().name("third".parse().expect("name"));
    assert_eq!(fixture.update(id, anyhow).await.version, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_changes_of_one_record_each_is_made_or_says_so_and_none_is_lost() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let tasks: Vec<_> = (0..50)
        .map(|at| {
            let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
            let patch = patch(&format!(r#"{{"metadata":{{"m{at}":{at}}}}}"#));
            tokio::spawn(async move { manager.update_key(id, patch, &actor).await })
        })
        .collect();
    let mut made = Vec::new();
    for (at, task) in tasks.into_iter().enumerate() {
        match task.await.expect("task") {
            Ok(_) => made.push(format!("\"m{at}\":{at}")),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    let key = fixture.manager.key(id).await.expect("key");
    assert!(made.len() >= 4, "each is tried again on the new record");
    assert_eq!(key.version, 1 + made.len() as u64);
    assert!(made.iter().all(|made| key.metadata.as_str().contains(made)));
}

#[tokio::test]
async fn a_revoked_key_keeps_everything_but_its_note_and_metadata() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    fixture.revoke(id).await;
    for json in [
        r#"{"name":"other"}"#,
        r#"{"owner":"other"}"#,
        r#"{"scopes":null}"#,
        r#"{"rate":"1/s"}"#,
        r#"{"expires_at":null}"#,
        r#"{"addresses":null}"#,
        r#"{"note":"x","name":"other"}"#,
    ] {
        let (kind, told) = fixture.refuse(id, patch(json)).await;
        assert_eq!(kind, ErrorKind::State, "{json}: {told}");
    }
    let key = fixture.update(
        id,
        patch(r#"{"note":"leaked on a wiki","metadata":{"ticket":7}}"#),
    );
    let key = key.await;
    assert_eq!(key.note.expect("note").as_str(), "leaked on a wiki");
    assert_eq!(key.metadata.as_str(), r#"{"ticket":7}"#);
}

#[tokio::test]
async fn a_greatest_lifetime_is_counted_from_the_creation() {
    let config = ManagerConfig::default()
        .max_lifetime(DAY * 30)
        .default_lifetime(DAY * 7);
    let fixture = Fixture::with(config).await;
    let created = fixture.clock.now().wall();
    let id = fixture.issue().await.key.id;
    let expiring = |expiry| KeyPatch::new().expiry(expiry);
    fixture.clock.advance(DAY * 5);
    let latest = created.saturating_add(DAY * 30);
    let late = Timestamp::from_millis(latest.as_millis() + 1);
    for (expiry, words) in [
        (Expiry::Never, "at most 30 days from its creation"),
        (Expiry::At(late), "at most 30 days from its creation"),
        (Expiry::In(DAY * 26), "at most 30 days from its creation"),
        (
            Expiry::In(Duration::MAX),
            "at most 30 days from its creation",
        ),
        (Expiry::At(created), "lies ahead"),
        (Expiry::At(fixture.clock.now().wall()), "lies ahead"),
        (Expiry::In(Duration::ZERO), "1 second at least"),
    ] {
        let (kind, told) = fixture.refuse(id, expiring(expiry)).await;
        assert_eq!(kind, ErrorKind::Invalid);
        assert!(told.contains(words), "{expiry:?}: {told}");
    }
    let key = fixture.update(id, expiring(Expiry::At(latest))).await;
    assert_eq!(key.expires_at, Some(latest));
    let key = fixture.update(id, expiring(Expiry::Default)).await;
    assert_eq!(key.expires_at, Some(created.saturating_add(DAY * 12)));

    // A service's bound counts as well where it is the shorter one.
    let bound = ServicePatch::new()
        .max_lifetime(DAY * 10)
        .default_lifetime(Patch::Clear);
    fixture
        .manager
        .update_service(&ORDERS, bound, &fixture.actor)
        .await
        .expect("bound");
    let (_, told) = fixture.refuse(id, expiring(Expiry::In(DAY * 6))).await;
    assert!(
        told.ends_with("at most 10 days from its creation"),
        "{told}"
    );
    let renamed = KeyPatch::new().name("n".parse().expect("name"));
    let kept = fixture.update(id, renamed).await;
    assert_eq!(
        kept.expires_at, key.expires_at,
        "a bound ends no key that is there"
    );
}

#[tokio::test]
async fn an_expired_key_stays_so_and_leaves_its_place() {
    let fixture = Fixture::new().await;
    let small = NewService::new("small".parse().expect("name")).quota(1);
    fixture
        .manager
        .create_service(small, &fixture.actor)
        .await
        .expect("created");
    let new = || {
        let mut key = fixture.new_key().expiry(Expiry::In(DAY));
        key.service = "small".parse().expect("name");
        key
    };
    let first = fixture
        .manager
        .create_key(new(), &fixture.actor)
        .await
        .expect("issued");
    fixture.clock.advance(DAY);
    fixture
        .manager
        .create_key(new(), &fixture.actor)
        .await
        .expect("its place is free");
    let (kind, told) = fixture
        .refuse(first.key.id, patch(r#"{"expires_at":null}"#))
        .await;
    assert_eq!(kind, ErrorKind::State, "{told}");
    let renamed = fixture
        .update(first.key.id, patch(r#"{"name":"old"}"#))
        .await;
    assert_eq!(renamed.name.as_str(), "old");
}

#[tokio::test]
async fn metadata_that_grows_too_large_is_refused_and_told_without_its_content() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let half = "x".repeat(2_500);
    fixture
        .update(id, patch(&format!(r#"{{"metadata":{{"a":"{half}"}}}}"#)))
        .await;
    let more = patch(&format!(r#"{{"metadata":{{"b":"{half}"}}}}"#));
    assert!(!format!("{more:?}").contains("xxx"), "{more:?}");
    let (kind, told_it) = fixture.refuse(id, more).await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(
        told_it.contains("4,096 bytes") && !told_it.contains("xxx"),
        "{told_it}"
    );
    let events = fixture.events().await;
    assert!(!format!("{events:?}").contains("xxx"));
    let last = events.last().expect("events");
    assert_eq!(last.outcome, Ended::Refused(ErrorKind::Invalid));
    assert_eq!(told(last), [("metadata", None, None)]);
}

#[tokio::test]
async fn a_place_that_another_clock_gave_away_is_not_taken_back() {
    let fixture = Fixture::new().await;
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let one = ServicePatch::new().quota(1);
    manager
        .update_service(&ORDERS, one, actor)
        .await
        .expect("updated");
    let hour = Duration::from_secs(3_600);
    let new = fixture.new_key().expiry(Expiry::In(hour));
    let first = manager.create_key(new, actor).await.expect("issued");
    // On this node's clock it is over, and another one takes its place.
    let ahead = ManualClock::new();
    ahead.advance(hour);
    let elsewhere = KeyManager::builder(fixture.memory.clone())
        .keyring(fixture.keyring.clone())
        .clock(ahead)
        .build()
        .await
        .expect("built");
    let second = elsewhere.create_key(fixture.new_key(), actor).await;
    let second = second.expect("its place is free").key.id;
    let id = first.key.id;
    for more in [Expiry::In(hour * 2), Expiry::Never] {
        let (kind, message) = fixture.refuse(id, KeyPatch::new().expiry(more)).await;
        assert_eq!(kind, ErrorKind::QuotaReached, "{message}");
    }
    assert_eq!(manager.key(id).await.expect("key"), first.key);
    // Everything but a longer life is free.
    let less = KeyPatch::new().expiry(Expiry::In(hour / 2));
    fixture.update(id, less).await;
    manager.disable_key(id, actor).await.expect("disabled");
    manager.enable_key(id, actor).await.expect("enabled");
    let rotated = manager.rotate_key(id, Rotation::default(), actor).await;
    rotated.expect("rotated");
    fixture.revoke(second).await;
    let key = fixture
        .update(id, KeyPatch::new().expiry(Expiry::Never))
        .await;
    assert_eq!(key.expires_at, None, "there is room again");
}
