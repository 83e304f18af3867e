//! A store that is away, and one that is not the same any more.

use std::time::Duration;

use super::{Fixture, Outcome};
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::{KeyManager, ManagerConfig};
use crate::store::{Fault, MemoryStore};
use crate::verdict::{DenialReason, UnavailableCause};

const STORE: Outcome = Outcome::Unavailable(UnavailableCause::Store);

#[tokio::test]
async fn known_keys_count_until_s_and_come_back_with_the_store() {
    let fixture = Fixture::new().await;
    let (known, unknown) = (fixture.issue().await, fixture.issue().await);
    assert_eq!(
        fixture.validate(known.token.expose()).await,
        Outcome::Granted
    );
    fixture.store.set(Fault::Fail);
    assert!(fixture.manager.poll_now().await.is_err());
    assert_eq!(
        fixture.validate(known.token.expose()).await,
        Outcome::Granted
    );
    assert_eq!(
        fixture.validate(unknown.token.expose()).await,
        STORE,
        "never a refusal"
    );
    assert!(fixture.manager.status().last_error.is_some());

    fixture.clock.advance(Duration::from_secs(30));
    assert_eq!(
        fixture.validate(known.token.expose()).await,
        Outcome::Granted,
        "S itself counts"
    );
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.validate(known.token.expose()).await, STORE);
    assert!(!fixture.manager.status().fresh);

    fixture.store.set(Fault::None);
    assert_eq!(
        fixture.validate(known.token.expose()).await,
        Outcome::Granted,
        "read through"
    );
    fixture.manager.poll_now().await.expect("polled");
    assert!(fixture.manager.status().fresh);
    assert_eq!(fixture.manager.status().last_error, None);
    assert_eq!(
        fixture.validate(unknown.token.expose()).await,
        Outcome::Granted
    );
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up_and_its_counts_are_kept() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.store.set(Fault::Hang);
    let (manager, clock) = (fixture.manager.clone(), fixture.clock.clone());
    let flush = tokio::spawn(async move { manager.flush_usage().await });
    while !flush.is_finished() {
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    let error = flush.await.expect("task").expect_err("given up");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    fixture.store.set(Fault::None);
    fixture.manager.flush_usage().await.expect("sent again");
    let usage = fixture
        .manager
        .usage(&[issued.key.id])
        .await
        .expect("usage")[0];
    assert_eq!(usage.granted, 1, "counted once");
}

#[tokio::test]
async fn a_clock_that_jumps_makes_the_cache_old_and_never_young() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.store.set(Fault::Fail);
    // A suspended machine: civil time went on, the other clock did not.
    let now = crate::clock::Clock::now(&fixture.clock).wall();
    fixture
        .clock
        .set_wall(now.saturating_add(Duration::from_secs(31)));
    assert_eq!(fixture.validate(issued.token.expose()).await, STORE);
    fixture.clock.set_wall(now);
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.clock.advance(Duration::from_secs(31));
    fixture.clock.set_wall(now);
    assert_eq!(fixture.validate(issued.token.expose()).await, STORE);
}

#[tokio::test]
async fn a_restored_store_is_noticed_and_brings_no_revoked_key_back() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let id = issued.key.id;
    fixture
        .manager
        .disable_key(id, &fixture.actor)
        .await
        .expect("disabled");
    let backup = fixture.memory.snapshot();
    fixture
        .manager
        .enable_key(id, &fixture.actor)
        .await
        .expect("enabled");
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.memory.restore(&backup);
    fixture.pass_poll().await;
    assert_eq!(fixture.manager.stats().divergences, 1);
    let refused = fixture.validate(issued.token.expose()).await;
    assert_eq!(refused, Outcome::Denied(DenialReason::Disabled));
    // Revisions begin again below those seen before: the gate must still hold.
    fixture
        .manager
        .enable_key(id, &fixture.actor)
        .await
        .expect("enabled");
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.revoke(id).await;
    let refused = fixture.validate(issued.token.expose()).await;
    assert_eq!(refused, Outcome::Denied(DenialReason::Revoked));
    fixture.pass_poll().await;
    assert_eq!(fixture.manager.stats().divergences, 1, "noticed once");
}

#[tokio::test]
async fn a_wrong_keyring_is_found_at_the_start() {
    let fixture = Fixture::new().await;
    fixture.issue().await;
    let build = async |name: &str| {
        let keyring = Keyring::generate(name.parse().expect("name")).expect("entropy");
        let built = KeyManager::builder(fixture.memory.clone())
            .keyring(keyring)
            .build()
            .await;
        built.expect_err("wrong keyring")
    };
    for name in ["k1", "k2"] {
        let error = build(name).await;
        assert_eq!(error.kind(), ErrorKind::Keyring);
        assert!(error.to_string().contains("root k1"), "{error}");
    }
    fixture.other_node().await;
    let none = KeyManager::builder(MemoryStore::new())
        .build()
        .await
        .expect_err("no keyring");
    assert_eq!(none.kind(), ErrorKind::Keyring);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let build = KeyManager::builder(MemoryStore::new())
        .keyring(keyring)
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime");
    let handle = runtime.handle().clone();
    drop(runtime);
    let mut build = Box::pin(build);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(built) = build.as_mut().poll(&mut context) else {
        panic!("nothing to wait for");
    };
    assert_eq!(built.expect_err("no runtime").kind(), ErrorKind::NoRuntime);
    drop(handle);
}

#[tokio::test]
async fn past_its_ttl_a_key_is_read_again_while_it_goes_on_counting() {
    let config = ManagerConfig::default().cache_ttl(Duration::from_secs(1));
    let fixture = Fixture::with(config).await;
    let issued = fixture.issue().await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.clock.advance(Duration::from_secs(1));
    fixture.store.set(Fault::Fail);
    for _ in 0..10 {
        assert_eq!(
            fixture.validate(issued.token.expose()).await,
            Outcome::Granted
        );
    }
    assert_eq!(
        fixture.manager.stats().refreshes,
        1,
        "once per poll interval"
    );
    fixture.store.set(Fault::None);
    fixture.clock.advance(Duration::from_millis(500));
    let loads = fixture.manager.stats().loads;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    while fixture.manager.stats().loads == loads {
        tokio::task::yield_now().await;
    }
}
