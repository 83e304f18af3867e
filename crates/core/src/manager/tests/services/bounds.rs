//! What a service may say, and how it bounds its keys.

use std::time::Duration;

use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::manager::tests::{DAY, Fixture, ORDERS, Outcome};
use crate::manager::{Expiry, KeyPatch, ManagerConfig, NewService, ServicePatch};

#[tokio::test]
async fn what_is_out_of_range_is_refused() {
    let config = ManagerConfig::default()
        .max_lifetime(DAY * 30)
        .default_lifetime(DAY);
    let fixture = Fixture::with(config).await;
    for (patch, field) in [
        (ServicePatch::new().quota(0), "quota"),
        (ServicePatch::new().quota(u32::MAX), "quota"),
        (
            ServicePatch::new().default_lifetime(Duration::ZERO),
            "default_lifetime",
        ),
        (
            ServicePatch::new().default_lifetime(Duration::MAX),
            "default_lifetime",
        ),
        (
            ServicePatch::new().default_lifetime(DAY * 31),
            "default_lifetime",
        ),
        (
            ServicePatch::new().max_lifetime(Duration::from_secs(59)),
            "max_lifetime",
        ),
        (ServicePatch::new().max_lifetime(DAY * 31), "max_lifetime"),
        (
            ServicePatch::new()
                .max_lifetime(DAY)
                .default_lifetime(DAY * 2),
            "default_lifetime",
        ),
    ] {
        let error = fixture.update_service(patch).await.expect_err(field);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.to_string().starts_with(&format!("invalid {field}")),
            "{error}"
        );
    }
    let new = NewService::new("new".parse().expect("name"));
    for new in [
        new.clone().max_lifetime(DAY * 31),
        new.max_lifetime(DAY).default_lifetime(DAY * 2),
    ] {
        let error = fixture.manager.create_service(new, &fixture.actor).await;
        assert_eq!(error.expect_err("refused").kind(), ErrorKind::Invalid);
    }
    assert_eq!(
        fixture
            .manager
            .service(&ORDERS)
            .await
            .expect("service")
            .version,
        1
    );
}

#[tokio::test]
async fn a_service_bounds_the_lives_of_its_new_keys() {
    let fixture = Fixture::new().await;
    let now = fixture.clock.now().wall();
    let bounded = fixture
        .update_service(ServicePatch::new().max_lifetime(DAY * 10))
        .await;
    bounded.expect("updated");
    let by_default = fixture.issue().await.key;
    assert_eq!(
        by_default.expires_at,
        Some(now.saturating_add(DAY * 10)),
        "no longer than that"
    );
    for expiry in [
        Expiry::Never,
        Expiry::In(DAY * 11),
        Expiry::At(crate::clock::Timestamp::MAX),
    ] {
        let new = fixture.new_key().expiry(expiry);
        let error = fixture
            .manager
            .create_key(new, &fixture.actor)
            .await
            .expect_err("too long");
        assert!(
            error.to_string().ends_with("at most 10 days from now"),
            "{error}"
        );
    }
    // The first poll tells of what was made here, and has the services read again.
    for _ in 0..2 {
        fixture.manager.poll_now().await.expect("polled");
    }
    let calls = fixture.store.calls();
    fixture.issue().await;
    assert_eq!(
        fixture.store.calls(),
        calls + 1,
        "the service is known: a commit and nothing else"
    );
}

#[tokio::test]
async fn a_quota_below_what_is_there_stops_new_keys_and_ends_none() {
    let fixture = Fixture::new().await;
    let keys = [fixture.issue().await, fixture.issue().await];
    fixture
        .update_service(ServicePatch::new().quota(1))
        .await
        .expect("updated");
    for key in &keys {
        assert_eq!(fixture.validate(key.token.expose()).await, Outcome::Granted);
    }
    let full = fixture
        .manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await;
    assert_eq!(full.expect_err("full").kind(), ErrorKind::QuotaReached);
    for key in keys {
        fixture.revoke(key.key.id).await;
    }
    fixture.issue().await;
}

#[tokio::test]
async fn what_the_manager_was_told_since_refuses_no_change_of_something_else() {
    let fixture = Fixture::new().await;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let lives = ServicePatch::new()
        .max_lifetime(days(100))
        .default_lifetime(days(90));
    fixture.update_service(lives).await.expect("updated");
    let issued = fixture.issue().await;
    let config = ManagerConfig::default()
        .max_lifetime(days(30))
        .default_lifetime(days(30));
    let strict = fixture.builder().config(config).build().await;
    let strict = strict.expect("built");
    let update = async |patch| strict.update_service(&ORDERS, patch, &fixture.actor).await;
    let service = update(ServicePatch::new().quota(7)).await.expect("updated");
    assert_eq!((service.quota, service.max_lifetime), (7, Some(days(100))));
    for (patch, field) in [
        (ServicePatch::new().max_lifetime(days(99)), "max_lifetime"),
        (
            ServicePatch::new().default_lifetime(days(31)),
            "default_lifetime",
        ),
        // The default that stands is longer.
        (
            ServicePatch::new().max_lifetime(days(20)),
            "default_lifetime",
        ),
    ] {
        let error = update(patch).await.expect_err(field);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(field), "{error}");
    }
    update(ServicePatch::new().default_lifetime(days(30)))
        .await
        .expect("within bounds");
    // And a key that lives longer than it may by now can be renamed.
    let renamed = KeyPatch::new().name("new".parse().expect("name"));
    let key = strict
        .update_key(issued.key.id, renamed, &fixture.actor)
        .await;
    assert_eq!(key.expect("renamed").expires_at, issued.key.expires_at);
}
