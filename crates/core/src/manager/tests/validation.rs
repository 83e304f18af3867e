use std::time::Duration;

use super::{BILLING, Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::clock::Clock;
use crate::key::{Environment, Environments, KeyId};
use crate::keyring::Keyring;
use crate::manager::{Expiry, Rotation};
use crate::scope::{Permission, Requirement};
use crate::token::{Prefix, Presented, Token};
use crate::verdict::{DenialReason, Verdict};

#[tokio::test]
async fn a_good_token_is_granted_with_its_record() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    for _ in 0..2 {
        let token = Presented::new(issued.token.expose().as_bytes());
        let verdict = fixture
            .manager
            .validate(token, &Context::new(&ORDERS))
            .await;
        let Verdict::Granted(grant) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(grant.key_id(), issued.key.id);
        assert_eq!(grant.owner().as_str(), "acme");
        assert_eq!(grant.scopes().to_string(), "orders:*");
    }
    let stats = fixture.manager.stats();
    assert_eq!(
        (
            stats.granted,
            stats.cache_hits,
            stats.cache_misses,
            stats.loads
        ),
        (2, 1, 1, 1)
    );
}

#[tokio::test]
async fn what_nobody_issued_is_refused_without_asking_the_store() {
    let fixture = Fixture::new().await;
    let calls = fixture.store.calls();
    let foreign = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    for _ in 0..100 {
        let forged = Token::issue(
            &foreign,
            Prefix::DEFAULT,
            Environment::Live,
            KeyId::random(),
        );
        let forged = forged.expect("entropy");
        assert_eq!(
            fixture.validate(forged.expose()).await,
            Outcome::Denied(DenialReason::Tag)
        );
    }
    assert_eq!(
        fixture.validate("x").await,
        Outcome::Denied(DenialReason::Malformed)
    );
    assert_eq!(fixture.store.calls(), calls);
    assert_eq!(fixture.manager.stats().loads, 0);
}

#[tokio::test]
async fn an_issued_token_of_no_key_is_unknown_and_asked_for_once() {
    let fixture = Fixture::new().await;
    let token = Token::issue(
        &fixture.keyring,
        Prefix::DEFAULT,
        Environment::Live,
        KeyId::random(),
    );
    let token = token.expect("entropy");
    for _ in 0..3 {
        assert_eq!(
            fixture.validate(token.expose()).await,
            Outcome::Denied(DenialReason::Unknown)
        );
    }
    assert_eq!(fixture.manager.stats().loads, 1);
}

#[tokio::test]
async fn another_secret_of_our_own_for_a_key_is_refused() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let other = Token::issue(
        &fixture.keyring,
        Prefix::DEFAULT,
        Environment::Live,
        issued.key.id,
    );
    let other = other.expect("entropy");
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    for _ in 0..5 {
        assert_eq!(
            fixture.validate(other.expose()).await,
            Outcome::Denied(DenialReason::Secret)
        );
    }
    assert_eq!(
        fixture.manager.stats().rereads,
        1,
        "a mismatch is read again once per poll"
    );
    // Of its form and tag, but of another environment than the record's.
    let moved = Token::issue(
        &fixture.keyring,
        Prefix::DEFAULT,
        Environment::Test,
        issued.key.id,
    );
    let moved = moved.expect("entropy");
    assert_eq!(
        fixture.validate(moved.expose()).await,
        Outcome::Denied(DenialReason::Secret)
    );
}

#[tokio::test]
async fn every_state_of_a_key_has_its_answer() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (id, token) = (issued.key.id, issued.token.expose());
    let validate = || fixture.validate(token);
    assert_eq!(validate().await, Outcome::Granted);
    fixture
        .manager
        .disable_key(id, &fixture.actor)
        .await
        .expect("disabled");
    assert_eq!(validate().await, Outcome::Denied(DenialReason::Disabled));
    fixture
        .manager
        .enable_key(id, &fixture.actor)
        .await
        .expect("enabled");
    assert_eq!(validate().await, Outcome::Granted);
    fixture.revoke(id).await;
    assert_eq!(validate().await, Outcome::Denied(DenialReason::Revoked));
}

#[tokio::test]
async fn a_key_ends_at_its_expiry_without_any_change() {
    let fixture = Fixture::new().await;
    let new = fixture
        .new_key()
        .expiry(Expiry::In(Duration::from_secs(10)));
    let issued = fixture
        .manager
        .create_key(new, &fixture.actor)
        .await
        .expect("issued");
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.clock.advance(Duration::from_millis(9_999));
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.clock.advance(Duration::from_millis(1));
    let expired = fixture.validate(issued.token.expose()).await;
    assert_eq!(expired, Outcome::Denied(DenialReason::Expired));
}

#[tokio::test]
async fn both_secrets_count_during_the_grace_and_the_new_one_after_it() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let rotation = Rotation::default().grace(Duration::from_secs(60));
    let new = fixture
        .manager
        .rotate_key(old.key.id, rotation, &fixture.actor)
        .await
        .expect("rotated");
    assert_eq!(new.key.id, old.key.id);
    assert_eq!(fixture.validate(old.token.expose()).await, Outcome::Granted);
    assert_eq!(fixture.validate(new.token.expose()).await, Outcome::Granted);
    fixture.clock.advance(Duration::from_secs(60));
    let rotated = fixture.validate(old.token.expose()).await;
    assert_eq!(rotated, Outcome::Denied(DenialReason::Rotated));
    assert_eq!(fixture.validate(new.token.expose()).await, Outcome::Granted);
}

#[tokio::test]
async fn a_secret_just_made_elsewhere_counts_here_at_once() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    assert_eq!(fixture.validate(old.token.expose()).await, Outcome::Granted);
    let elsewhere = fixture.other_node().await;
    let new = elsewhere
        .rotate_key(old.key.id, Rotation::default(), &fixture.actor)
        .await;
    let new = new.expect("rotated");
    assert_eq!(fixture.validate(new.token.expose()).await, Outcome::Granted);
}

#[tokio::test]
async fn a_key_counts_only_where_it_was_issued_for() {
    let fixture = Fixture::new().await;
    let new = fixture.new_key().environment(Environment::Test);
    let issued = fixture
        .manager
        .create_key(new, &fixture.actor)
        .await
        .expect("issued");
    let token = || Presented::new(issued.token.expose().as_bytes());
    let validate =
        async |context: Context<'_>| outcome(&fixture.manager.validate(token(), &context).await);
    let read = Requirement::all_of([Permission::from_static("orders:read")]);
    let admin = Requirement::all_of([Permission::from_static("admin:read")]);
    let orders = ORDERS;
    for _ in 0..2 {
        let any = Context::new(&orders).environments(Environments::ALL);
        assert_eq!(validate(any).await, Outcome::Granted);
        assert_eq!(
            validate(Context::new(&BILLING)).await,
            Outcome::Denied(DenialReason::Service)
        );
        // A key for trials, where nobody asked for such.
        for live in [
            Context::new(&orders),
            Context::new(&orders).environments(Environment::Live),
        ] {
            assert_eq!(
                validate(live).await,
                Outcome::Denied(DenialReason::Environment)
            );
        }
        let test = Context::new(&orders)
            .environments(Environment::Test)
            .require(&read);
        assert_eq!(validate(test).await, Outcome::Granted);
        let admin = any.require(&admin);
        assert_eq!(
            validate(admin).await,
            Outcome::Denied(DenialReason::Permission)
        );
    }
}

#[tokio::test]
async fn use_is_counted_and_written_behind() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    for _ in 0..5 {
        assert_eq!(
            fixture.validate(issued.token.expose()).await,
            Outcome::Granted
        );
    }
    let foreign = Presented::new(issued.token.expose().as_bytes());
    let verdict = fixture
        .manager
        .validate(foreign, &Context::new(&BILLING))
        .await;
    assert_eq!(outcome(&verdict), Outcome::Denied(DenialReason::Service));
    let before = fixture
        .manager
        .usage(&[issued.key.id])
        .await
        .expect("usage");
    assert_eq!(
        before[0].total.granted, 0,
        "nothing is written while a request is answered"
    );
    fixture.manager.flush_usage().await.expect("flushed");
    let after = fixture
        .manager
        .usage(&[issued.key.id])
        .await
        .expect("usage");
    let after = after[0].total;
    assert_eq!((after.granted, after.throttled), (5, 0));
    assert_eq!((after.refused.foreign, after.refused.total()), (1, 1));
    assert_eq!(after.last_used_at, Some(fixture.clock.now().wall()));
}

#[tokio::test]
async fn a_service_created_elsewhere_is_known_when_its_first_key_is_used() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.other_node().await;
    let young = crate::service::ServiceName::from_static("young");
    let new =
        crate::manager::NewService::new(young.clone()).default_rate("7/s".parse().expect("rate"));
    elsewhere
        .create_service(new, &fixture.actor)
        .await
        .expect("created");
    let key = crate::manager::NewKey::new(
        young.clone(),
        "a".parse().expect("owner"),
        "b".parse().expect("name"),
    );
    let issued = elsewhere
        .create_key(key, &fixture.actor)
        .await
        .expect("issued");
    let token = Presented::new(issued.token.expose().as_bytes());
    let verdict = fixture.manager.validate(token, &Context::new(&young)).await;
    let Verdict::Granted(grant) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        grant.rate().map(|rate| rate.to_string()).as_deref(),
        Some("7/s")
    );
}
