//! Longer and shorter lives, and the places that are kept or lost with them.

use std::time::Duration;

use super::patch;
use crate::clock::{Clock as _, ManualClock, Timestamp};
use crate::error::ErrorKind;
use crate::manager::tests::{DAY, Fixture, ORDERS};
use crate::manager::{Expiry, KeyPatch, ManagerConfig, NewService, Patch, Rotation, ServicePatch};

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
    let elsewhere = fixture.builder().clock(ahead).build().await;
    let elsewhere = elsewhere.expect("built");
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
