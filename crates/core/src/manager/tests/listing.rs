//! Lists of keys: filters, and the cursors that belong to them.

use std::time::Duration;

use super::{BILLING, DAY, Fixture, ORDERS};
use crate::clock::{Clock, Timestamp};
use crate::error::ErrorKind;
use crate::key::{Environment, Key, KeyId, KeyStatus, LastUsed, Span};
use crate::keyring::Keyring;
use crate::manager::{Expiry, KeyManager, ListKeys, ServicePatch};
use crate::store::MemoryStore;

impl Fixture {
    async fn list(&self, list: ListKeys) -> Vec<Key> {
        let page = self.manager.list_keys(list).await.expect("listed");
        assert_eq!(page.next, None);
        page.keys
    }

    async fn named(&self, name: &str) -> KeyId {
        let mut key = self.new_key();
        key.name = name.parse().expect("name");
        let issued = self.manager.create_key(key, &self.actor).await;
        issued.expect("issued").key.id
    }
}

fn ids(keys: &[Key]) -> Vec<KeyId> {
    keys.iter().map(|key| key.id).collect()
}

#[tokio::test]
async fn every_part_of_the_filter_finds_its_keys_alone() {
    let fixture = Fixture::new().await;
    let (manager, actor, start) = (&fixture.manager, &fixture.actor, fixture.clock.now().wall());
    let plain = fixture.issue().await;
    fixture.clock.advance(DAY);
    let mut special = fixture
        .new_key()
        .environment(Environment::Test)
        .scopes("billing:read".parse().expect("scopes"))
        .expiry(Expiry::In(DAY * 3));
    special.service = BILLING;
    special.owner = "globex".parse().expect("owner");
    special.name = "Überweisung nightly".parse().expect("name");
    let special = manager
        .create_key(special, actor)
        .await
        .expect("issued")
        .key
        .id;
    let disabled = fixture.named("paused").await;
    manager
        .disable_key(disabled, actor)
        .await
        .expect("disabled");
    fixture.validate(plain.token.expose()).await;
    manager.flush_usage().await.expect("flushed");
    let now = fixture.clock.now().wall();
    let day_two = Span {
        from: Some(now),
        until: None,
    };
    let day_one = Span {
        from: Some(start),
        until: Some(now),
    };
    let plain = plain.key.id;
    let all = ListKeys::all;
    for (list, expected) in [
        (all(), vec![plain, special, disabled]),
        (ListKeys::of(ORDERS), vec![plain, disabled]),
        (all().service(BILLING), vec![special]),
        (all().owner("globex".parse().expect("owner")), vec![special]),
        (all().environment(Environment::Test), vec![special]),
        (all().status(KeyStatus::Active), vec![plain, special]),
        (all().status(KeyStatus::Disabled), vec![disabled]),
        (all().status(KeyStatus::Revoked), vec![]),
        (
            all().scope("billing:read".parse().expect("scope")),
            vec![special],
        ),
        (all().scope("orders:read".parse().expect("scope")), vec![]),
        (all().created(day_one), vec![plain]),
        (all().created(day_two), vec![special, disabled]),
        (all().last_used(LastUsed::Never), vec![special, disabled]),
        (all().last_used(LastUsed::Within(day_two)), vec![plain]),
        (all().last_used(LastUsed::Within(day_one)), vec![]),
        (
            all().expires_before(now.saturating_add(DAY * 4)),
            vec![special],
        ),
        (all().name("überWEIS".parse().expect("part")), vec![special]),
        (
            all().name("nightly".parse().expect("part")).service(ORDERS),
            vec![],
        ),
        (
            ListKeys::of(ORDERS)
                .status(KeyStatus::Active)
                .owner("acme".parse().expect("owner")),
            vec![plain],
        ),
    ] {
        let text = format!("{list:?}");
        let mut found = ids(&fixture.list(list).await);
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
}

#[tokio::test]
async fn a_cursor_is_refused_for_any_other_listing() {
    let fixture = Fixture::new().await;
    for _ in 0..5 {
        fixture.issue().await;
    }
    let first = fixture
        .manager
        .list_keys(ListKeys::of(ORDERS).limit(2))
        .await
        .expect("listed");
    let cursor = first.next.expect("more");
    let others = [
        ListKeys::all(),
        ListKeys::of(BILLING),
        ListKeys::of(ORDERS).status(KeyStatus::Active),
        ListKeys::of(ORDERS).owner("acme".parse().expect("owner")),
        ListKeys::of(ORDERS).created(Span::default()),
    ];
    for other in others {
        let error = fixture
            .manager
            .list_keys(other.cursor(cursor.clone()))
            .await;
        let error = error.expect_err("another listing");
        assert_eq!(error.kind(), ErrorKind::Cursor);
        assert!(error.to_string().contains("another listing"), "{error}");
    }
    // The limit is no part of the filter, and any root of the keyring counts.
    let rest = fixture
        .list(ListKeys::of(ORDERS).limit(3).cursor(cursor.clone()))
        .await;
    assert_eq!(rest.len(), 3);
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let stranger = KeyManager::builder(MemoryStore::new())
        .keyring(keyring)
        .build()
        .await;
    let list = ListKeys::of(ORDERS).cursor(cursor.clone());
    let error = stranger
        .expect("built")
        .list_keys(list)
        .await
        .expect_err("another keyring");
    assert_eq!(error.kind(), ErrorKind::Cursor);
    assert!(error.to_string().contains("another keyring"), "{error}");
    for cut in [&cursor[..cursor.len() / 2], &cursor[1..], ""] {
        let error = fixture
            .manager
            .list_keys(ListKeys::of(ORDERS).cursor(cut))
            .await;
        assert_eq!(error.expect_err("cut").kind(), ErrorKind::Cursor);
    }
}

#[tokio::test]
async fn a_search_that_found_little_yet_is_not_at_its_end() {
    let fixture = Fixture::new().await;
    let mut wanted = Vec::new();
    for _ in 0..20 {
        wanted.push(fixture.issue().await.key.id);
        fixture.clock.advance(Duration::from_millis(1));
    }
    fixture.store.shorten_pages(1);
    let first = fixture
        .manager
        .list_keys(ListKeys::of(ORDERS).limit(5))
        .await
        .expect("listed");
    assert_eq!(ids(&first.keys), wanted[..5], "as many as asked for");
    let (mut found, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let mut list = ListKeys::of(ORDERS).limit(15);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        let before = fixture.store.calls();
        let page = fixture.manager.list_keys(list).await.expect("listed");
        assert!(fixture.store.calls() - before <= 8, "in bounded pieces");
        found.extend(ids(&page.keys));
        sizes.push(page.keys.len());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((found, sizes), (wanted, vec![8, 8, 4]));
}

#[tokio::test]
async fn a_few_among_many_are_all_found() {
    let fixture = Fixture::new().await;
    let many = ServicePatch::new().quota(100_000);
    fixture
        .manager
        .update_service(&ORDERS, many, &fixture.actor)
        .await
        .expect("updated");
    let mut wanted = Vec::new();
    for block in 0..12 {
        let new = vec![fixture.new_key(); 1_000];
        fixture
            .manager
            .create_keys(new, &fixture.actor)
            .await
            .expect("issued");
        fixture.clock.advance(Duration::from_millis(1));
        if block % 5 == 0 {
            wanted.push(fixture.named("needle in the hay").await);
        }
        fixture.clock.advance(Duration::from_millis(1));
    }
    let needles = ListKeys::of(ORDERS).name("NEEDLE".parse().expect("part"));
    assert_eq!(ids(&fixture.list(needles).await), wanted);
}

#[tokio::test]
async fn a_key_that_expires_soon_is_found_before_it_does() {
    let fixture = Fixture::new().await;
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let mut soon = Vec::new();
    for days in [1, 3, 30] {
        // Made one after the other, so that their order is known.
        fixture.clock.advance(Duration::from_millis(1));
        let key = fixture.new_key().expiry(Expiry::In(DAY * days));
        soon.push(manager.create_key(key, actor).await.expect("issued").key.id);
    }
    let never = fixture.new_key().expiry(Expiry::Never);
    manager.create_key(never, actor).await.expect("issued");
    fixture.clock.advance(DAY * 2);
    let within = |days| {
        let before: Timestamp = fixture.clock.now().wall().saturating_add(DAY * days);
        ListKeys::of(ORDERS).expires_before(before)
    };
    assert_eq!(
        ids(&fixture.list(within(7).status(KeyStatus::Active)).await),
        soon[1..2]
    );
    assert_eq!(
        ids(&fixture.list(within(7)).await),
        soon[..2],
        "the expired one among them"
    );
    assert_eq!(fixture.list(within(60)).await.len(), 3);
}
