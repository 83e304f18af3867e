//! Whether a grant still stands, some time after it was made.

use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use super::{BILLING, DAY, Fixture, ORDERS};
use crate::audit::Actor;
use crate::clock::Clock;
use crate::context::Context;
use crate::grant::Grant;
use crate::key::{Addresses, Environment, Environments};
use crate::manager::{
    ChangeSignal, Expiry, Issued, KeyManager, KeyPatch, NewService, Rotation, Standing,
};
use crate::scope::{Permission, Requirement, Scopes};
use crate::service::ServiceName;
use crate::store::Fault;
use crate::token::{Presented, Token};
use crate::verdict::{DenialReason, Verdict};

const HOUR: Duration = Duration::from_secs(3_600);

impl Fixture {
    async fn grant(&self, token: &Token) -> Grant {
        let token = Presented::new(token.expose().as_bytes());
        match self.manager.validate(token, &Context::new(&ORDERS)).await {
            Verdict::Granted(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    /// A key that has no end, and a grant by it.
    async fn endless(&self) -> (Issued, Grant) {
        let key = self.new_key().expiry(Expiry::Never);
        let issued = self.manager.create_key(key, &self.actor).await;
        let issued = issued.expect("issued");
        let grant = self.grant(&issued.token).await;
        (issued, grant)
    }

    fn standing(&self, grant: &Grant) -> Standing {
        self.manager.standing(grant, &Context::new(&ORDERS))
    }

    async fn review(&self, grant: &Grant) -> Standing {
        self.manager.review(grant, &Context::new(&ORDERS)).await
    }

    async fn rotate(&self, key: &Issued, grace: Duration) -> Issued {
        let rotation = Rotation::default().grace(grace);
        let rotated = self.manager.rotate_key(key.key.id, rotation, &self.actor);
        rotated.await.expect("rotated")
    }
}

const GOOD: Standing = Standing::Good { until: None };

/// Whether something has changed since this was asked last.
fn has_changed(signal: &mut ChangeSignal) -> bool {
    let changed = pin!(signal.changed());
    match changed.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(more) => {
            assert!(more, "the manager is there");
            true
        }
        Poll::Pending => false,
    }
}

/// Ends the key of a grant by this change, made here and then elsewhere, and
/// looks how the grant stands.
async fn ended_by(change: impl AsyncFn(KeyManager, Issued, Actor), reason: DenialReason) {
    let fixture = Fixture::new().await;
    let (issued, grant) = fixture.endless().await;
    let mut signal = fixture.manager.changes();
    change(fixture.manager.clone(), issued, fixture.actor.clone()).await;
    assert!(has_changed(&mut signal), "{reason:?}: nobody was told");
    assert_ne!(fixture.standing(&grant), GOOD, "{reason:?}");
    assert_eq!(fixture.review(&grant).await, Standing::Ended(reason));
    assert_eq!(fixture.standing(&grant), Standing::Ended(reason), "known");

    let fixture = Fixture::new().await;
    let (issued, grant) = fixture.endless().await;
    let elsewhere = fixture.other_node().await;
    fixture.manager.poll_now().await.expect("polled");
    let mut signal = fixture.manager.changes();
    change(elsewhere, issued, fixture.actor.clone()).await;
    assert_eq!(fixture.standing(&grant), GOOD, "nobody told this node");
    assert!(!has_changed(&mut signal));
    fixture.pass_poll().await;
    assert!(has_changed(&mut signal), "{reason:?}: nobody was told");
    assert_ne!(fixture.standing(&grant), GOOD, "{reason:?}");
    assert_eq!(fixture.review(&grant).await, Standing::Ended(reason));
}

#[tokio::test]
async fn a_grant_ends_when_its_key_is_revoked() {
    let revoke = async |manager: KeyManager, issued: Issued, actor: Actor| {
        let reason = "leaked".parse().expect("reason");
        let revoked = manager.revoke_key(issued.key.id, reason, &actor).await;
        revoked.expect("revoked");
    };
    ended_by(revoke, DenialReason::Revoked).await;
}

#[tokio::test]
async fn a_grant_ends_when_its_key_is_disabled() {
    let disable = async |manager: KeyManager, issued: Issued, actor: Actor| {
        let disabled = manager.disable_key(issued.key.id, &actor).await;
        disabled.expect("disabled");
    };
    ended_by(disable, DenialReason::Disabled).await;
}

#[tokio::test]
async fn a_grant_ends_when_its_secret_is_rotated_away_without_grace() {
    let rotate = async |manager: KeyManager, issued: Issued, actor: Actor| {
        let rotation = Rotation::default().grace(Duration::ZERO);
        let rotated = manager.rotate_key(issued.key.id, rotation, &actor).await;
        rotated.expect("rotated");
    };
    ended_by(rotate, DenialReason::Rotated).await;
}

#[tokio::test]
async fn a_grant_ends_when_its_service_is_retired() {
    let retire = async |manager: KeyManager, _: Issued, actor: Actor| {
        let reason = "over".parse().expect("reason");
        let retired = manager.retire_service(&ORDERS, reason, &actor).await;
        retired.expect("retired");
    };
    ended_by(retire, DenialReason::Retired).await;
}

#[tokio::test]
async fn a_grant_ends_when_its_key_may_not_be_used_from_there() {
    let restrict = async |manager: KeyManager, issued: Issued, actor: Actor| {
        let addresses: Addresses = "192.0.2.0/24".parse().expect("addresses");
        let patch = KeyPatch::new().addresses(addresses);
        let updated = manager.update_key(issued.key.id, patch, &actor).await;
        updated.expect("updated");
    };
    ended_by(restrict, DenialReason::Address).await;
}

#[tokio::test]
async fn what_a_grant_must_satisfy_is_what_is_asked_for() {
    let fixture = Fixture::new().await;
    let (issued, grant) = fixture.endless().await;
    let required = Requirement::all_of([Permission::from_static("orders:read")]);
    let (orders, billing) = (ORDERS, BILLING);
    let reading = Context::new(&orders).require(&required);
    assert_eq!(fixture.manager.standing(&grant, &reading), GOOD);
    let patch = KeyPatch::new().scopes("orders:write".parse::<Scopes>().expect("scopes"));
    let updated = fixture
        .manager
        .update_key(issued.key.id, patch, &fixture.actor);
    updated.await.expect("updated");
    assert_eq!(
        fixture.manager.review(&grant, &reading).await,
        Standing::Ended(DenialReason::Permission)
    );
    assert_eq!(fixture.standing(&grant), GOOD, "nothing is required");
    let trial = Context::new(&orders).environments(Environments::only(Environment::Test));
    assert_eq!(
        fixture.manager.standing(&grant, &trial),
        Standing::Ended(DenialReason::Environment)
    );
    let billing = Context::new(&billing);
    assert_eq!(
        fixture.manager.standing(&grant, &billing),
        Standing::Ended(DenialReason::Service)
    );
}

#[tokio::test]
async fn a_grant_stands_until_its_key_expires() {
    let fixture = Fixture::new().await;
    let key = fixture.new_key().expiry(Expiry::In(HOUR));
    let issued = fixture.manager.create_key(key, &fixture.actor).await;
    let issued = issued.expect("issued");
    let grant = fixture.grant(&issued.token).await;
    let until = issued.key.expires_at;
    assert_eq!(fixture.standing(&grant), Standing::Good { until });

    // The grace of a secret may be over before.
    fixture.rotate(&issued, HOUR / 2).await;
    let grace = fixture.clock.now().wall().saturating_add(HOUR / 2);
    let sooner = Standing::Good { until: Some(grace) };
    assert_eq!(fixture.review(&grant).await, sooner);
    fixture.clock.advance(HOUR / 2);
    fixture.manager.poll_now().await.expect("polled");
    assert_eq!(
        fixture.standing(&grant),
        Standing::Ended(DenialReason::Rotated)
    );
    fixture.clock.advance(HOUR / 2);
    fixture.manager.poll_now().await.expect("polled");
    assert_eq!(
        fixture.standing(&grant),
        Standing::Ended(DenialReason::Expired)
    );
}

#[tokio::test]
async fn each_secret_stands_for_itself_wherever_its_place_is() {
    let fixture = Fixture::new().await;
    let (issued, first) = fixture.endless().await;
    let second = fixture.rotate(&issued, Duration::ZERO).await;
    let second = fixture.grant(&second.token).await;
    assert_eq!(fixture.standing(&second), GOOD);
    assert_eq!(
        fixture.standing(&first),
        Standing::Ended(DenialReason::Rotated)
    );
    // The first secret goes, so that the third one stands where the second
    // one stood.
    let third = fixture.rotate(&issued, Duration::ZERO).await;
    let third = fixture.grant(&third.token).await;
    assert_eq!(fixture.standing(&third), GOOD);
    for over in [&first, &second] {
        assert_eq!(
            fixture.standing(over),
            Standing::Ended(DenialReason::Rotated)
        );
    }
}

#[tokio::test]
async fn a_secret_of_another_life_is_another_secret() {
    let fixture = Fixture::new().await;
    let (issued, _) = fixture.endless().await;
    let backup = fixture.memory.snapshot();
    let second = fixture.rotate(&issued, HOUR).await;
    let grant = fixture.grant(&second.token).await;
    let mut signal = fixture.manager.changes();
    fixture.memory.restore(&backup);
    fixture.pass_poll().await;
    assert!(has_changed(&mut signal));
    let rotated = Standing::Ended(DenialReason::Rotated);
    assert_eq!(fixture.review(&grant).await, rotated, "it has no such one");
    let other = fixture.rotate(&issued, HOUR).await;
    let numbers = [&second, &other].map(|issued| issued.key.secrets.last().map(|one| one.number));
    assert_eq!(numbers[0], numbers[1]);
    assert_eq!(fixture.review(&grant).await, rotated);
    let other = fixture.grant(&other.token).await;
    assert_eq!(fixture.standing(&other), GOOD);
}

#[tokio::test]
async fn a_key_that_a_restored_store_does_not_have_is_unknown() {
    let fixture = Fixture::new().await;
    let backup = fixture.memory.snapshot();
    let (_, grant) = fixture.endless().await;
    let mut signal = fixture.manager.changes();
    fixture.memory.restore(&backup);
    fixture.pass_poll().await;
    assert!(has_changed(&mut signal));
    assert_ne!(fixture.standing(&grant), GOOD);
    let unknown = Standing::Ended(DenialReason::Unknown);
    assert_eq!(fixture.review(&grant).await, unknown);
    assert_eq!(fixture.standing(&grant), unknown);
}

#[tokio::test]
async fn a_service_that_the_store_lost_is_found_out() {
    let fixture = Fixture::new().await;
    let (_, grant) = fixture.endless().await;
    fixture.store.lose_services();
    let other = NewService::new(ServiceName::from_static("other"));
    let created = fixture.manager.create_service(other, &fixture.actor).await;
    created.expect("created");
    assert_eq!(
        fixture.review(&grant).await,
        Standing::Ended(DenialReason::Service)
    );
}

#[tokio::test]
async fn a_standing_costs_no_read_for_as_long_as_nothing_has_changed() {
    let fixture = Fixture::new().await;
    let (issued, grant) = fixture.endless().await;
    let calls = fixture.store.calls();
    // What the cache has no room for counts nonetheless.
    fixture.manager.shared().keys.clear();
    for _ in 0..3 {
        assert_eq!(fixture.standing(&grant), GOOD);
        assert_eq!(fixture.review(&grant).await, GOOD);
    }
    assert_eq!(fixture.store.calls(), calls);
    fixture.manager.flush_usage().await.expect("flushed");
    let usage = fixture.manager.usage(&[issued.key.id]).await;
    assert_eq!(usage.expect("usage")[0].total.granted, 1, "it is no use");
}

#[tokio::test]
async fn nobody_can_say_past_s_and_it_stands_again_with_the_store() {
    let fixture = Fixture::new().await;
    let (_, grant) = fixture.endless().await;
    let (changed, other) = fixture.endless().await;
    fixture.manager.poll_now().await.expect("polled");
    // The poll has told of both keys that they are new.
    for grant in [&grant, &other] {
        assert_eq!(fixture.review(grant).await, GOOD);
    }
    let disable = fixture.manager.disable_key(changed.key.id, &fixture.actor);
    disable.await.expect("disabled");
    fixture.store.set(Fault::Fail);
    assert_eq!(fixture.review(&other).await, Standing::Unread);
    fixture.clock.advance(Duration::from_secs(30));
    assert_eq!(fixture.standing(&grant), GOOD, "S itself counts");
    fixture.clock.advance(Duration::from_millis(1));
    let calls = fixture.store.calls();
    for grant in [&grant, &other] {
        assert_eq!(fixture.standing(grant), Standing::Unknown);
        assert_eq!(fixture.review(grant).await, Standing::Unknown);
    }
    assert_eq!(fixture.store.calls(), calls, "it would be in vain");
    fixture.store.set(Fault::None);
    fixture.manager.poll_now().await.expect("polled");
    assert_eq!(fixture.standing(&grant), GOOD);
    assert_eq!(
        fixture.review(&other).await,
        Standing::Ended(DenialReason::Disabled)
    );
}

#[tokio::test]
async fn what_time_alone_ends_ends_though_nobody_can_say_more() {
    let fixture = Fixture::new().await;
    let key = fixture.new_key().expiry(Expiry::In(HOUR));
    let issued = fixture.manager.create_key(key, &fixture.actor).await;
    let expiring = fixture.grant(&issued.expect("issued").token).await;
    let (_, endless) = fixture.endless().await;
    fixture.store.set(Fault::Fail);
    fixture.clock.advance(HOUR - Duration::from_secs(1));
    for grant in [&expiring, &endless] {
        assert_eq!(fixture.standing(grant), Standing::Unknown);
    }
    fixture.clock.advance(Duration::from_secs(1));
    let expired = Standing::Ended(DenialReason::Expired);
    assert_eq!(fixture.standing(&expiring), expired);
    assert_eq!(fixture.standing(&endless), Standing::Unknown);
}

#[tokio::test]
async fn a_review_that_a_change_overtook_says_nothing() {
    let fixture = Fixture::new().await;
    let (issued, grant) = fixture.endless().await;
    let elsewhere = fixture.other_node().await;
    let patch = KeyPatch::new().name("new".parse().expect("name"));
    let renamed = elsewhere.update_key(issued.key.id, patch, &fixture.actor);
    renamed.await.expect("renamed");
    fixture.pass_poll().await;
    fixture.store.hold_loads();
    let (manager, asked) = (fixture.manager.clone(), grant.clone());
    let review = tokio::spawn(async move { manager.review(&asked, &Context::new(&ORDERS)).await });
    // The record is read, and on its way.
    fixture.store.wait_held(1).await;
    let disable = elsewhere.disable_key(issued.key.id, &fixture.actor);
    disable.await.expect("disabled");
    fixture.pass_poll().await;
    fixture.store.release();
    assert_eq!(review.await.expect("task"), Standing::Unread);
    assert_eq!(
        fixture.review(&grant).await,
        Standing::Ended(DenialReason::Disabled)
    );
}

#[tokio::test]
async fn the_signal_tells_of_changes_alone_and_of_the_manager_s_end() {
    let fixture = Fixture::new().await;
    fixture.manager.poll_now().await.expect("polled");
    let mut signal = fixture.manager.changes();
    fixture.clock.advance(DAY);
    fixture.manager.poll_now().await.expect("polled");
    assert!(!has_changed(&mut signal), "time is no change");
    fixture.issue().await;
    fixture.issue().await;
    assert!(has_changed(&mut signal));
    assert!(!has_changed(&mut signal), "told already");
    let Fixture { manager, .. } = fixture;
    drop(manager);
    assert!(!signal.changed().await);
}
