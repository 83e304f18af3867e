//! What may happen between the reading of a record and its use.

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::manager::Rotation;
use crate::token::Presented;
use crate::verdict::DenialReason;

#[tokio::test]
async fn a_load_that_a_revocation_overtook_does_not_bring_the_key_back() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let validate = || {
        let (manager, token) = (fixture.manager.clone(), issued.token.expose().to_owned());
        tokio::spawn(async move {
            let token = Presented::new(token.as_bytes());
            outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
        })
    };
    fixture.store.hold_loads();
    let first = validate();
    fixture.store.wait_held(1).await;
    let joined = validate();
    while fixture.manager.stats().cache_misses < 2 {
        tokio::task::yield_now().await;
    }
    // The load has read the key while it was good, and waits. Revoking reads
    // it as well, and must not wait with it: it goes through another node.
    let elsewhere = fixture.other_node().await;
    let reason = "leaked".parse().expect("reason");
    elsewhere
        .revoke_key(issued.key.id, reason, &fixture.actor)
        .await
        .expect("revoked");
    fixture.manager.poll_now().await.expect("polled");
    fixture.store.release_loads();
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
async fn revoking_here_holds_for_the_very_next_request() {
    let fixture = Fixture::new().await;
    for _ in 0..100 {
        let issued = fixture.issue().await;
        assert_eq!(
            fixture.validate(issued.token.expose()).await,
            Outcome::Granted
        );
        fixture.revoke(issued.key.id).await;
        let refused = fixture.validate(issued.token.expose()).await;
        assert_eq!(refused, Outcome::Denied(DenialReason::Revoked));
    }
}

#[tokio::test]
async fn revoking_elsewhere_holds_here_after_one_poll() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
    let elsewhere = fixture.other_node().await;
    let reason = "leaked".parse().expect("reason");
    elsewhere
        .revoke_key(issued.key.id, reason, &fixture.actor)
        .await
        .expect("revoked");
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
    let issued = fixture.issue().await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
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
