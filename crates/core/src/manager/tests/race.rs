//! What may happen between the reading of a record and its use.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::cache::Stamp;
use crate::key::KeyId;
use crate::manager::{Issued, KeyManager, ManagerConfig, NewService, Rotation};
use crate::service::ServiceName;
use crate::store::{Fault, KeyStore};
use crate::token::Presented;
use crate::verdict::DenialReason;

/// Moves the clock by what no poll and no timeout notices.
const INSTANT: Duration = Duration::from_micros(1);

impl Fixture {
    /// A key that this node has cached, as it was used once.
    async fn issue_used(&self) -> Issued {
        let issued = self.issue().await;
        let outcome = self.validate(issued.token.expose()).await;
        assert_eq!(outcome, Outcome::Granted);
        issued
    }

    async fn revoke_elsewhere(&self, id: KeyId) {
        let reason = "leaked".parse().expect("reason");
        let elsewhere = self.other_node().await;
        let revoked = elsewhere.revoke_key(id, reason, &self.actor).await;
        revoked.expect("revoked");
    }

    async fn rotate_elsewhere(&self, id: KeyId, rotation: Rotation) -> Issued {
        let elsewhere = self.other_node().await;
        let rotated = elsewhere.rotate_key(id, rotation, &self.actor).await;
        rotated.expect("rotated")
    }

    /// A validation whose read is done and held, and all that follow are.
    async fn validate_held(&self, issued: &Issued) -> JoinHandle<Outcome> {
        self.store.hold_loads();
        let task = validate_apart(self, issued.token.expose()).await;
        self.store.wait_held(1).await;
        task
    }
}

/// A validation in a task of its own, once it has found nothing in the cache.
async fn validate_apart(fixture: &Fixture, token: &str) -> JoinHandle<Outcome> {
    let (manager, token) = (fixture.manager.clone(), token.to_owned());
    let misses = fixture.manager.stats().cache_misses;
    let task = tokio::spawn(async move {
        let token = Presented::new(token.as_bytes());
        outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
    });
    while fixture.manager.stats().cache_misses == misses && !task.is_finished() {
        tokio::task::yield_now().await;
    }
    task
}

/// Retires the service of all keys.
async fn retire(manager: &KeyManager, fixture: &Fixture) {
    let reason = "over".parse().expect("reason");
    let retired = manager
        .retire_service(&ORDERS, reason, &fixture.actor)
        .await;
    retired.expect("retired");
}

#[tokio::test]
async fn a_load_that_a_revocation_overtook_does_not_bring_the_key_back() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    // From here on, a poll tells of the key alone.
    fixture.manager.poll_now().await.expect("polled");
    let first = fixture.validate_held(&issued).await;
    let joined = validate_apart(&fixture, issued.token.expose()).await;
    // The load has read the key while it was good, and waits. Revoking reads
    // it as well, and must not wait with it: it goes through another node.
    fixture.revoke_elsewhere(issued.key.id).await;
    fixture.manager.poll_now().await.expect("polled");
    fixture.store.release();
    assert_eq!(
        first.await.expect("task"),
        Outcome::Denied(DenialReason::Revoked)
    );
    assert_eq!(
        joined.await.expect("task"),
        Outcome::Denied(DenialReason::Revoked)
    );
    let later = fixture.validate(issued.token.expose()).await;
    assert_eq!(later, Outcome::Denied(DenialReason::Revoked));
    assert!(fixture.manager.stats().gate_retries >= 1);
}

#[tokio::test]
async fn what_a_service_was_before_a_key_was_read_does_not_count_after_its_change() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    // The table of services is taken before the key is read.
    let slow = fixture.validate_held(&issued).await;
    retire(&fixture.manager, &fixture).await;
    fixture.store.release();
    assert_eq!(
        slow.await.expect("task"),
        Outcome::Denied(DenialReason::Retired)
    );
}

#[tokio::test]
async fn revoking_here_holds_for_the_very_next_request() {
    let fixture = Fixture::new().await;
    for _ in 0..100 {
        let issued = fixture.issue_used().await;
        fixture.revoke(issued.key.id).await;
        let refused = fixture.validate(issued.token.expose()).await;
        assert_eq!(refused, Outcome::Denied(DenialReason::Revoked));
    }
}

#[tokio::test]
async fn revoking_elsewhere_holds_here_after_one_poll() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue_used().await;
    fixture.revoke_elsewhere(issued.key.id).await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted,
        "not heard of yet"
    );
    fixture.pass_poll().await;
    let refused = fixture.validate(issued.token.expose()).await;
    assert_eq!(refused, Outcome::Denied(DenialReason::Revoked));
}

#[tokio::test]
async fn a_commit_whose_caller_goes_away_is_noticed_all_the_same() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue_used().await;
    let (manager, actor, id) = (
        fixture.manager.clone(),
        fixture.actor.clone(),
        issued.key.id,
    );
    let commits = fixture.manager.stats().commits;
    {
        let reason = "leaked".parse().expect("reason");
        let mut revoke = Box::pin(manager.revoke_key(id, reason, &actor));
        // Polled once, which hands the commit over, and then dropped.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(revoke.as_mut().poll(&mut context).is_pending());
    }
    while fixture.manager.stats().commits == commits {
        tokio::task::yield_now().await;
    }
    let refused = fixture.validate(issued.token.expose()).await;
    assert_eq!(refused, Outcome::Denied(DenialReason::Revoked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_rotations_of_one_record_one_wins() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let rotation = Rotation::default().expected_version(issued.key.version);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
            let id = issued.key.id;
            tokio::spawn(async move { manager.rotate_key(id, rotation, &actor).await })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.expect("task") {
            Ok(won) => winners.push(won),
            Err(error) => assert_eq!(error.kind(), crate::ErrorKind::Conflict),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(
        fixture.validate(winners[0].token.expose()).await,
        Outcome::Granted
    );
    assert_eq!(
        fixture
            .manager
            .key(issued.key.id)
            .await
            .expect("key")
            .secrets
            .len(),
        2
    );
}

#[tokio::test]
async fn a_secret_just_made_elsewhere_counts_for_all_who_use_it_at_once() {
    let fixture = Fixture::new().await;
    let old = fixture.issue_used().await;
    let new = fixture
        .rotate_elsewhere(old.key.id, Rotation::default())
        .await;
    fixture.clock.advance(INSTANT);
    let first = fixture.validate_held(&new).await;
    let second = validate_apart(&fixture, new.token.expose()).await;
    fixture.store.release();
    assert_eq!(first.await.expect("task"), Outcome::Granted);
    assert_eq!(second.await.expect("task"), Outcome::Granted);
    assert_eq!(fixture.manager.stats().rereads, 1, "one read for both");
}

#[tokio::test]
async fn a_stale_token_does_not_keep_a_new_one_from_being_read() {
    let fixture = Fixture::new().await;
    let stale = fixture.issue().await;
    let rotate = async || {
        let at_once = Rotation::default().grace(Duration::ZERO);
        fixture.rotate_elsewhere(stale.key.id, at_once).await.token
    };
    // Ended first, and then forgotten.
    let (_, present) = (rotate().await, rotate().await);
    assert_eq!(fixture.validate(present.expose()).await, Outcome::Granted);
    let refused = fixture.validate(stale.token.expose()).await;
    assert_eq!(refused, Outcome::Denied(DenialReason::Secret));
    let new = rotate().await;
    assert_eq!(fixture.validate(new.expose()).await, Outcome::Granted);
}

#[tokio::test]
async fn a_read_that_began_before_a_rotation_does_not_refuse_its_new_secret() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let first = fixture.validate_held(&old).await;
    fixture.clock.advance(INSTANT);
    let new = fixture
        .rotate_elsewhere(old.key.id, Rotation::default())
        .await;
    let joined = validate_apart(&fixture, new.token.expose()).await;
    fixture.store.release();
    assert_eq!(first.await.expect("task"), Outcome::Granted);
    assert_eq!(joined.await.expect("task"), Outcome::Granted);
}

#[tokio::test]
async fn a_read_that_began_before_a_key_was_made_does_not_refuse_it() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.other_node().await;
    let before = fixture.memory.snapshot();
    let create = elsewhere.create_key(fixture.new_key(), &fixture.actor);
    let issued = create.await.expect("issued");
    let after = fixture.memory.snapshot();
    fixture.memory.restore(&before);
    let first = fixture.validate_held(&issued).await;
    // The read is done, and now the key is made.
    fixture.memory.restore(&after);
    fixture.clock.advance(INSTANT);
    let joined = validate_apart(&fixture, issued.token.expose()).await;
    fixture.store.release();
    assert_eq!(
        first.await.expect("task"),
        Outcome::Denied(DenialReason::Unknown)
    );
    assert_eq!(joined.await.expect("task"), Outcome::Granted);
}

#[tokio::test]
async fn revoking_what_is_revoked_elsewhere_holds_here_at_once() {
    let fixture = Fixture::new().await;
    let (revoked, disabled) = (fixture.issue_used().await, fixture.issue_used().await);
    for issued in [&revoked, &disabled] {
        fixture.revoke_elsewhere(issued.key.id).await;
    }
    fixture.revoke(revoked.key.id).await;
    let error = fixture
        .manager
        .disable_key(disabled.key.id, &fixture.actor)
        .await
        .expect_err("revoked");
    assert_eq!(error.kind(), crate::ErrorKind::State);
    for issued in [&revoked, &disabled] {
        let refused = fixture.validate(issued.token.expose()).await;
        assert_eq!(refused, Outcome::Denied(DenialReason::Revoked));
    }
}

#[tokio::test]
async fn a_changed_service_sends_no_cached_key_to_the_store() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue_used().await;
    let elsewhere = fixture.other_node().await;
    let young = NewService::new(ServiceName::from_static("young"));
    elsewhere
        .create_service(young, &fixture.actor)
        .await
        .expect("created");
    // As a poll does, before it has the services read again.
    let head = fixture.memory.head().await.expect("head");
    let gate = &fixture.manager.shared().gate;
    gate.raise_services(Stamp::new(gate.epoch(), head.revision));
    let before = fixture.manager.stats();
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    let after = fixture.manager.stats();
    assert_eq!(after.cache_misses, before.cache_misses + 1);
    assert_eq!(after.loads, before.loads, "the services alone are read");
}

#[tokio::test]
async fn a_read_that_took_longer_than_s_does_not_count() {
    let s = Duration::from_secs(1);
    let config = ManagerConfig::default()
        .max_staleness(s)
        .store_timeout(s * 5);
    let fixture = Fixture::with(config).await;
    let issued = fixture.issue().await;
    let slow = fixture.validate_held(&issued).await;
    fixture.revoke_elsewhere(issued.key.id).await;
    // No poll tells of it.
    fixture.store.set(Fault::Fail);
    fixture.clock.advance(s + INSTANT);
    assert!(fixture.manager.poll_now().await.is_err());
    fixture.store.set(Fault::None);
    fixture.store.release();
    assert_eq!(
        slow.await.expect("task"),
        Outcome::Denied(DenialReason::Revoked)
    );
}

#[tokio::test]
async fn services_that_grew_older_than_s_while_a_key_was_read_do_not_count() {
    let s = Duration::from_secs(1);
    let config = ManagerConfig::default()
        .max_staleness(s)
        .store_timeout(s * 5);
    let fixture = Fixture::with(config).await;
    let issued = fixture.issue().await;
    // The key is read when the table is as old as may be.
    fixture.store.set(Fault::Fail);
    fixture.clock.advance(s);
    assert!(fixture.manager.poll_now().await.is_err());
    fixture.store.set(Fault::None);
    let slow = fixture.validate_held(&issued).await;
    retire(&fixture.other_node().await, &fixture).await;
    // No poll tells of it.
    fixture.store.set(Fault::Fail);
    fixture.clock.advance(INSTANT);
    assert!(fixture.manager.poll_now().await.is_err());
    fixture.store.set(Fault::None);
    fixture.store.release();
    assert_eq!(
        slow.await.expect("task"),
        Outcome::Denied(DenialReason::Retired)
    );
}

#[tokio::test]
async fn a_commit_that_a_divergence_overtook_leaves_every_key_readable() {
    let fixture = Fixture::new().await;
    let (id, token) = {
        let issued = fixture.issue().await;
        (issued.key.id, issued.token)
    };
    let backup = fixture.memory.snapshot();
    let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
    for _ in 0..10 {
        manager.disable_key(id, &actor).await.expect("disabled");
        manager.enable_key(id, &actor).await.expect("enabled");
    }
    manager.poll_now().await.expect("polled");
    // Committed in the store's old life, and told in its new one.
    fixture.store.hold_commits();
    let commit = tokio::spawn(async move { manager.disable_key(id, &actor).await });
    fixture.store.wait_held(1).await;
    fixture.memory.restore(&backup);
    fixture.manager.poll_now().await.expect("polled");
    assert_eq!(fixture.manager.stats().divergences, 1);
    assert_eq!(fixture.validate(token.expose()).await, Outcome::Granted);
    fixture.store.release();
    commit.await.expect("task").expect("committed");
    let loads = fixture.manager.stats().loads;
    assert_eq!(fixture.validate(token.expose()).await, Outcome::Granted);
    let stats = fixture.manager.stats();
    assert_eq!(stats.loads, loads + 1, "all is read anew");
    assert_eq!(stats.divergences, 1, "it was noticed once");
}
