//! What the cache counts, and who gets how much of the queue of reads.

use std::net::IpAddr;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::key::{Environment, KeyId};
use crate::manager::{ManagerConfig, ManagerStats, ServicePatch};
use crate::store::Fault;
use crate::token::{Prefix, Presented, Token};
use crate::verdict::{DenialReason, UnavailableCause};

const UNKNOWN: Outcome = Outcome::Denied(DenialReason::Unknown);
const OVERLOADED: Outcome = Outcome::Unavailable(UnavailableCause::Overloaded);

impl Fixture {
    /// A token that we issued, of a key that is not there.
    fn of_no_key(&self) -> String {
        let id = KeyId::random();
        let token = Token::issue(&self.keyring, Prefix::DEFAULT, Environment::Live, id);
        token.expect("entropy").expose().to_owned()
    }

    /// A validation in a task of its own, for a client at `address`.
    fn ask(&self, address: &str, token: String) -> JoinHandle<Outcome> {
        let manager = self.manager.clone();
        let client: IpAddr = address.parse().expect("an address");
        tokio::spawn(async move {
            let orders = ORDERS;
            let context = Context::new(&orders).client(Some(client));
            let token = Presented::new(token.as_bytes());
            outcome(&manager.validate(token, &context).await)
        })
    }

    async fn until(&self, holds: impl Fn(&ManagerStats) -> bool) {
        while !holds(&self.manager.stats()) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn misses_for_one_key_are_one_read_and_are_counted() {
    let fixture = Fixture::new().await;
    let token = fixture.issue().await.token.expose().to_owned();
    fixture.store.hold_loads();
    let asked: Vec<_> = (0..10)
        .map(|_| fixture.ask("192.0.2.1", token.clone()))
        .collect();
    fixture.until(|stats| stats.coalesced_misses == 9).await;
    assert_eq!(fixture.manager.stats().loads_running, 1);
    fixture.store.release();
    for task in asked {
        assert_eq!(task.await.expect("task"), Outcome::Granted);
    }
    assert_eq!(
        (fixture.store.loads(), fixture.manager.stats().loads),
        (1, 1)
    );
}

#[tokio::test]
async fn what_names_no_key_is_remembered_within_bounds() {
    let config = ManagerConfig::default().negative_ttl(Duration::from_secs(60));
    let fixture = Fixture::with(config).await;
    let token = fixture.of_no_key();
    for _ in 0..3 {
        assert_eq!(fixture.validate(&token).await, UNKNOWN);
    }
    let stats = fixture.manager.stats();
    assert_eq!(
        (stats.loads, stats.negative_hits, stats.cache_hits),
        (1, 2, 2)
    );
    let known = fixture.issue().await;
    let granted = fixture.validate(known.token.expose()).await;
    assert_eq!(granted, Outcome::Granted);
    for _ in 0..25_000 {
        assert_eq!(fixture.validate(&fixture.of_no_key()).await, UNKNOWN);
    }
    let stats = fixture.manager.stats();
    assert!(
        stats.negative_entries <= 11_000,
        "{}",
        stats.negative_entries
    );
    assert!(
        stats.negative_entries >= 5_000,
        "{}",
        stats.negative_entries
    );
    let misses = stats.cache_misses;
    let granted = fixture.validate(known.token.expose()).await;
    assert_eq!(granted, Outcome::Granted);
    assert_eq!(fixture.manager.stats().cache_misses, misses, "still cached");
}

#[tokio::test]
async fn who_joins_a_read_ahead_for_want_of_a_place_is_not_left_behind_by_who_has_one() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    fixture.store.hold_loads();
    let flood: Vec<_> = (0..545)
        .map(|_| fixture.ask("2001:db8::1", fixture.of_no_key()))
        .collect();
    fixture.until(|stats| stats.loads_waiting == 545 - 64).await;
    fixture.manager.shared().refresh_key(issued.key.id);
    // It has its share already, and joins what nobody waits for.
    let joined = fixture.ask("2001:db8::1", token.to_owned());
    fixture.until(|stats| stats.coalesced_misses == 1).await;
    let placed = fixture.ask("2001:db8:1::1", token.to_owned());
    // What it joined is replaced: it joins the other.
    fixture
        .until(|stats| stats.coalesced_misses == 2 || joined.is_finished())
        .await;
    fixture.store.release();
    assert_eq!(placed.await.expect("task"), Outcome::Granted);
    assert_eq!(joined.await.expect("task"), Outcome::Granted);
    for task in flood {
        assert_eq!(task.await.expect("task"), UNKNOWN);
    }
    assert_eq!(fixture.manager.stats().address_overloads, 0);
}

#[tokio::test]
async fn a_flood_from_one_address_leaves_room_for_others_and_cached_keys_alone() {
    let fixture = Fixture::new().await;
    let known = fixture.issue().await.token.expose().to_owned();
    assert_eq!(fixture.validate(&known).await, Outcome::Granted);
    fixture.store.hold_loads();
    // Of the 1,088 places, one address may take half and one.
    let flood: Vec<_> = (0..2_000)
        .map(|_| fixture.ask("2001:db8::1", fixture.of_no_key()))
        .collect();
    fixture
        .until(|stats| stats.address_overloads == 2_000 - 545)
        .await;
    let neighbour = fixture.ask("2001:db8::2", fixture.of_no_key());
    assert_eq!(
        neighbour.await.expect("task"),
        OVERLOADED,
        "the same network"
    );
    let other = fixture.ask("2001:db8:0:1::1", fixture.of_no_key());
    fixture
        .until(|stats| stats.loads_running + stats.loads_waiting == 546)
        .await;
    let known = fixture.ask("2001:db8::1", known);
    assert_eq!(known.await.expect("task"), Outcome::Granted);
    assert_eq!(fixture.store.most_loads_at_once(), 64);
    fixture.store.release();
    assert_eq!(other.await.expect("task"), UNKNOWN);
    let (mut unknown, mut overloaded) = (0, 0);
    for task in flood {
        match task.await.expect("task") {
            UNKNOWN => unknown += 1,
            OVERLOADED => overloaded += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((unknown, overloaded), (545, 1_455));
    let stats = fixture.manager.stats();
    assert_eq!((stats.loads_running, stats.loads_waiting), (0, 0));
    assert_eq!(stats.overloads, 0, "the queue was never full");
}

#[tokio::test]
async fn a_read_in_the_background_that_fails_is_counted() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    fixture.clock.advance(Duration::from_secs(60));
    fixture.manager.poll_now().await.expect("polled");
    fixture.store.set(Fault::Fail);
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    fixture.until(|stats| stats.refresh_failures == 1).await;
    fixture.store.set(Fault::None);
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    assert_eq!(fixture.manager.stats().refreshes, 1, "not again before P");
    fixture.clock.advance(Duration::from_millis(500));
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    let stats = fixture.manager.stats();
    assert_eq!((stats.refreshes, stats.refresh_failures), (2, 1));
}

#[tokio::test]
async fn a_key_whose_service_is_gone_is_refused_and_costs_no_read_each_time() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    fixture.store.lose_services();
    // Any change of a service has this node read them again.
    let other = fixture.other_node().await;
    let patch = ServicePatch::new().quota(7);
    let updated = other.update_service(&ORDERS, patch, &fixture.actor).await;
    updated.expect("updated");
    fixture.manager.poll_now().await.expect("polled");
    let refused = Outcome::Denied(DenialReason::Service);
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, refused);
    let calls = fixture.store.calls();
    for _ in 0..100 {
        assert_eq!(fixture.validate(token).await, refused);
    }
    assert_eq!(fixture.store.calls(), calls, "nothing is asked again");
    // A record that is newer than the table asks for the services once more.
    fixture
        .manager
        .disable_key(issued.key.id, &fixture.actor)
        .await
        .expect("disabled");
    fixture
        .manager
        .enable_key(issued.key.id, &fixture.actor)
        .await
        .expect("enabled");
    let calls = fixture.store.calls();
    assert_eq!(fixture.validate(token).await, refused);
    let once = fixture.store.calls();
    assert!(once - calls <= 3, "{} calls", once - calls);
    assert_eq!(fixture.validate(token).await, refused);
    assert_eq!(fixture.store.calls(), once);
}
