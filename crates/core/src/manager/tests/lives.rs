//! A store that turns into another one with the same past.

use std::time::Duration;

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::manager::Issued;
use crate::store::MemoryStore;
use crate::token::Presented;
use crate::verdict::DenialReason;

/// A key that is disabled, as far as the node knows, and two lives of the store
/// from there on: a short one in which it was enabled, and a longer one in which
/// it was not.
struct Lives {
    fixture: Fixture,
    disabled: Issued,
    enabled: MemoryStore,
    not_enabled: MemoryStore,
    /// A key that is good in the longer life alone.
    other: Issued,
}

impl Lives {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let disabled = fixture.issue().await;
        let elsewhere = fixture.other_node().await;
        let disable = elsewhere.disable_key(disabled.key.id, &fixture.actor);
        disable.await.expect("disabled");
        fixture.manager.poll_now().await.expect("polled");
        let common = fixture.memory.snapshot();
        let enable = elsewhere.enable_key(disabled.key.id, &fixture.actor);
        enable.await.expect("enabled");
        let enabled = fixture.memory.snapshot();
        fixture.memory.restore(&common);
        let mut last = None;
        for _ in 0..3 {
            let issued = elsewhere.create_key(fixture.new_key(), &fixture.actor);
            last = Some(issued.await.expect("issued"));
        }
        let not_enabled = fixture.memory.snapshot();
        fixture.memory.restore(&enabled);
        Self {
            fixture,
            disabled,
            enabled,
            not_enabled,
            other: last.expect("three"),
        }
    }

    async fn validate(&self) -> Outcome {
        self.fixture.validate(self.disabled.token.expose()).await
    }
}

#[tokio::test]
async fn a_longer_life_does_not_hide_what_was_read_in_the_shorter_one() {
    let lives = Lives::new().await;
    let fixture = &lives.fixture;
    assert_eq!(lives.validate().await, Outcome::Granted);
    fixture.memory.restore(&lives.not_enabled);
    let other = fixture.validate(lives.other.token.expose()).await;
    assert_eq!(other, Outcome::Granted, "a newer head than the first");
    fixture.pass_poll().await;
    let refused = Outcome::Denied(DenialReason::Disabled);
    assert_eq!(lives.validate().await, refused);
    assert_eq!(fixture.manager.stats().divergences, 1);
}

#[tokio::test]
async fn what_arrives_late_from_a_life_that_ended_does_not_stay() {
    let lives = Lives::new().await;
    let fixture = &lives.fixture;
    fixture.store.hold_loads();
    let (manager, token) = (
        fixture.manager.clone(),
        lives.disabled.token.expose().to_owned(),
    );
    let late = tokio::spawn(async move {
        let token = Presented::new(token.as_bytes());
        outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
    });
    fixture.store.wait_held(1).await;
    fixture.memory.restore(&lives.not_enabled);
    fixture.manager.poll_now().await.expect("polled");
    fixture.store.release();
    late.await.expect("task");
    fixture.clock.advance(Duration::from_millis(500));
    fixture.manager.poll_now().await.expect("polled");
    let refused = Outcome::Denied(DenialReason::Disabled);
    assert_eq!(lives.validate().await, refused);
    // The life that it was read in comes back: that is another one again.
    fixture.memory.restore(&lives.enabled);
    fixture.pass_poll().await;
    assert_eq!(lives.validate().await, Outcome::Granted);
    assert_eq!(fixture.manager.stats().divergences, 2);
}

#[tokio::test]
async fn a_revocation_counts_at_once_though_the_store_was_set_back() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let backup = fixture.memory.snapshot();
    for _ in 0..5 {
        fixture.issue().await;
    }
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    fixture.memory.restore(&backup);
    // Its revision lies below that at which the key was read.
    let reason = "lost".parse().expect("reason");
    let revoke = fixture
        .manager
        .revoke_key(issued.key.id, reason, &fixture.actor);
    revoke.await.expect("revoked");
    assert_eq!(
        fixture.validate(token).await,
        Outcome::Denied(DenialReason::Revoked)
    );
}
