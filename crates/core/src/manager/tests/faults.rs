//! A store that is away, and one that is not the same any more.

use std::time::Duration;

use tracing::Level;

use super::log::Log;
use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::clock::{Clock, ManualClock};
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::{KeyManager, ManagerConfig, Rotation};
use crate::store::{Fault, MemoryStore, StoreFault};
use crate::token::Presented;
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
async fn a_store_that_takes_no_changes_says_why_and_keys_are_decided_as_before() {
    let fixture = Fixture::new().await;
    let (cached, unread) = (fixture.issue().await, fixture.issue().await);
    assert_eq!(
        fixture.validate(cached.token.expose()).await,
        Outcome::Granted
    );
    let faults = || {
        let (status, stats) = (fixture.manager.status(), fixture.manager.stats());
        assert!(status.fresh, "it is read");
        (status.fault, stats.store_fault)
    };
    assert_eq!(faults(), (None, None));
    for fault in [StoreFault::Full, StoreFault::ReadOnly, StoreFault::Failing] {
        fixture.store.take_no_changes(Some(fault));
        let disabled = fixture.manager.disable_key(cached.key.id, &fixture.actor);
        let error = disabled.await.expect_err("no changes");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        fixture.manager.poll_now().await.expect("polled");
        assert_eq!(faults(), (Some(fault), Some(fault)));
        for issued in [&cached, &unread] {
            let outcome = fixture.validate(issued.token.expose()).await;
            assert_eq!(outcome, Outcome::Granted);
        }
    }
    fixture.store.take_no_changes(None);
    let disabled = fixture.manager.disable_key(cached.key.id, &fixture.actor);
    disabled.await.expect("disabled");
    assert_eq!(faults(), (None, None));
}

#[tokio::test]
async fn damage_is_told_in_the_log_once_a_minute_with_the_store_that_has_it() {
    let fixture = Fixture::new().await;
    let (whole, damaged) = (fixture.issue().await, fixture.issue().await);
    let (log, _logging) = Log::begin();
    let unavailable = Outcome::Unavailable(UnavailableCause::Store);
    let told = || log.lines(Level::ERROR, "damaged");
    fixture.store.damage_reads(Some(damaged.key.id));
    for _ in 0..24 {
        let outcome = fixture.validate(damaged.token.expose()).await;
        assert_eq!(outcome, unavailable);
    }
    let first = told();
    assert_eq!(first.len(), 1, "{first:?}");
    for part in ["MemoryStore", &damaged.key.id.to_string(), "on purpose"] {
        assert!(first[0].contains(part), "{part}: {}", first[0]);
    }
    assert_eq!(
        fixture.validate(whole.token.expose()).await,
        Outcome::Granted
    );
    fixture.clock.advance(Duration::from_secs(60));
    for _ in 0..2 {
        fixture.validate(damaged.token.expose()).await;
    }
    let then = told();
    assert_eq!(then.len(), 2, "{then:?}");
    assert!(then[1].contains("untold=23"), "{}", then[1]);
    // A store that is away is told of by the follower alone.
    fixture.store.damage_reads(None);
    fixture.store.set(Fault::Fail);
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.validate(damaged.token.expose()).await, unavailable);
    assert_eq!(told().len(), 2);
}

#[tokio::test]
async fn past_s_services_are_read_anew_as_keys_are() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    let other = fixture.other_node().await;
    let reason = "moved".parse().expect("reason");
    other
        .retire_service(&ORDERS, reason, &fixture.actor)
        .await
        .expect("retired");
    // No poll has told of it.
    fixture.clock.advance(Duration::from_secs(31));
    assert_eq!(
        fixture.validate(token).await,
        Outcome::Denied(DenialReason::Retired)
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
        .expect("usage");
    assert_eq!(usage[0].total.granted, 1, "counted once");
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
    let now = fixture.clock.now().wall();
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
async fn what_was_read_from_a_store_that_was_there_between_two_polls_does_not_stay() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let before = fixture.memory.snapshot();
    fixture
        .manager
        .disable_key(issued.key.id, &fixture.actor)
        .await
        .expect("disabled");
    fixture.manager.poll_now().await.expect("polled");
    let known = fixture.memory.snapshot();
    // Another history of the same length, in which the key is not disabled.
    fixture.memory.restore(&before);
    let elsewhere = fixture.other_node().await;
    let other = elsewhere.create_key(fixture.new_key(), &fixture.actor);
    other.await.expect("issued");
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    fixture.memory.restore(&known);
    fixture.pass_poll().await;
    assert_eq!(fixture.manager.stats().divergences, 1);
    let refused = fixture.validate(issued.token.expose()).await;
    assert_eq!(refused, Outcome::Denied(DenialReason::Disabled));
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

#[tokio::test]
async fn an_ended_secret_is_over_on_a_node_whose_clock_is_behind() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let behind = ManualClock::new();
    let hour = Duration::from_secs(3_600);
    fixture.clock.advance(hour);
    let node = fixture.builder().clock(behind).build().await;
    let node = node.expect("built");
    let at_once = Rotation::default().grace(Duration::ZERO);
    fixture
        .manager
        .rotate_key(old.key.id, at_once, &fixture.actor)
        .await
        .expect("rotated");
    let token = Presented::new(old.token.expose().as_bytes());
    let verdict = node.validate(token, &Context::new(&ORDERS)).await;
    assert_eq!(outcome(&verdict), Outcome::Denied(DenialReason::Rotated));
}

#[tokio::test]
async fn a_crowd_before_a_store_that_hangs_is_answered_in_time() {
    let fixture = Fixture::new().await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(fixture.issue().await);
    }
    fixture.store.set(Fault::Hang);
    let start = fixture.clock.now();
    let waiting: Vec<_> = crowd
        .into_iter()
        .map(|issued| {
            let manager = fixture.manager.clone();
            tokio::spawn(async move {
                let token = Presented::new(issued.token.expose().as_bytes());
                outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
            })
        })
        .collect();
    while waiting.iter().any(|task| !task.is_finished()) {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(Duration::from_millis(100));
    }
    // One time to wait for a turn, one for the store, and a few steps.
    let took = fixture.clock.now().age_since(start);
    assert!(took <= Duration::from_millis(4_500), "{took:?}");
    for task in waiting {
        let Outcome::Unavailable(cause) = task.await.expect("task") else {
            panic!("nothing can be known")
        };
        let causes = [UnavailableCause::Store, UnavailableCause::Overloaded];
        assert!(causes.contains(&cause), "{cause:?}");
    }
    let stats = fixture.manager.stats();
    assert_eq!((stats.loads_running, stats.loads_waiting), (0, 0));
}

#[tokio::test]
async fn a_root_that_only_verifies_does_not_stop_nodes_that_lack_it() {
    let fixture = Fixture::new().await;
    fixture.issue().await;
    let text = |current, other| {
        let (one, two) = ("a".repeat(64), "b".repeat(64));
        format!("root k1 {current} {one}\nroot k2 {other} {two}\n")
    };
    let build = async |store: &MemoryStore, keyring: &Keyring| {
        KeyManager::builder(store.clone())
            .keyring(keyring.clone())
            .build()
            .await
    };
    let folder = tempfile::tempdir().expect("folder");
    let keyring = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        }
        Keyring::from_file(path).expect("keyring")
    };
    let store = MemoryStore::new();
    let alone = keyring("alone", format!("root k1 current {}\n", "a".repeat(64)));
    let verifying = keyring("verifying", text("current", "verify-only"));
    let signing = keyring("signing", text("verify-only", "current"));
    for keyring in [&alone, &verifying, &alone, &signing] {
        build(&store, keyring).await.expect("built");
    }
    // Written with k2 now: nobody may go on without it.
    let error = build(&store, &alone).await.expect_err("lacks k2");
    assert_eq!(error.kind(), ErrorKind::Keyring);
    build(&store, &verifying).await.expect("built");
}
