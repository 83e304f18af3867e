//! Where a good key may be used from, what a retired service accepts, and what
//! is counted of either.

use std::time::Duration;

use super::{BILLING, Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::clock::{Clock, Timestamp};
use crate::manager::Rotation;
use crate::scope::{Permission, Requirement};
use crate::service::ServiceName;
use crate::token::Presented;
use crate::usage::{AddressClass, Refusals, Usage};
use crate::verdict::{DenialReason, Verdict};

const ADDRESS: Outcome = Outcome::Denied(DenialReason::Address);

impl Fixture {
    /// The verdict for a client at this address; nowhere known without one.
    async fn from(&self, address: Option<&str>, token: &str) -> Outcome {
        let client = address.map(|address| address.parse().expect("an address"));
        let orders = ORDERS;
        let context = Context::new(&orders).client(client);
        let token = Presented::new(token.as_bytes());
        outcome(&self.manager.validate(token, &context).await)
    }
}

#[tokio::test]
async fn a_key_with_networks_counts_from_there_alone() {
    let fixture = Fixture::new().await;
    let addresses = "192.0.2.0/24,2001:db8::/32".parse().expect("networks");
    let key = fixture.new_key().addresses(addresses);
    let issued = fixture.manager.create_key(key, &fixture.actor).await;
    let issued = issued.expect("issued");
    let token = issued.token.expose();
    // From the store, and then from the cache.
    for _ in 0..2 {
        for (address, expected) in [
            (Some("192.0.2.255"), Outcome::Granted),
            (Some("::ffff:192.0.2.1"), Outcome::Granted),
            (Some("2001:db8:ffff::1"), Outcome::Granted),
            (Some("192.0.3.0"), ADDRESS),
            (Some("::ffff:198.51.100.1"), ADDRESS),
            (Some("2001:db9::1"), ADDRESS),
            (None, ADDRESS),
        ] {
            assert_eq!(fixture.from(address, token).await, expected, "{address:?}");
        }
    }
    let anywhere = fixture.issue().await;
    let nowhere_known = fixture.from(None, anywhere.token.expose()).await;
    assert_eq!(nowhere_known, Outcome::Granted, "a key without networks");
    fixture.manager.flush_usage().await.expect("written");
    let usage = fixture.manager.usage(&[issued.key.id]).await;
    let total = usage.expect("usage")[0].total;
    assert_eq!((total.granted, total.refused.address), (6, 8));
    assert_eq!(total.refused.total(), 8);
    assert_eq!(total.last_address, Some(AddressClass::Public));
}

#[tokio::test]
async fn a_retired_service_accepts_none_of_its_keys() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    assert_eq!(fixture.validate(token).await, Outcome::Granted);
    let reason = "merged into another".parse().expect("a reason");
    fixture
        .manager
        .retire_service(&ORDERS, reason, &fixture.actor)
        .await
        .expect("retired");
    let refused = Outcome::Denied(DenialReason::Retired);
    let loads = fixture.manager.stats().loads;
    assert_eq!(fixture.validate(token).await, refused);
    assert_eq!(
        fixture.manager.stats().loads,
        loads,
        "no key is read for it"
    );
    // What ended before says so all the same.
    fixture.revoke(issued.key.id).await;
    let revoked = Outcome::Denied(DenialReason::Revoked);
    assert_eq!(fixture.validate(token).await, revoked);
}

#[tokio::test]
async fn a_grant_brings_what_users_keep_with_the_key() {
    let fixture = Fixture::new().await;
    let metadata = r#"{"team": "search", "tier": 2}"#.parse().expect("metadata");
    let key = fixture.new_key().metadata(metadata);
    let issued = fixture.manager.create_key(key, &fixture.actor).await;
    let issued = issued.expect("issued");
    let token = Presented::new(issued.token.expose().as_bytes());
    let verdict = fixture
        .manager
        .validate(token, &Context::new(&ORDERS))
        .await;
    let Verdict::Granted(grant) = verdict else {
        panic!("granted")
    };
    assert_eq!(grant.metadata(), &issued.key.metadata);
    assert!(!grant.metadata().is_empty());
}

#[tokio::test]
async fn use_is_counted_of_the_secret_that_was_proved_and_by_class() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let id = old.key.id;
    let rotation = Rotation::default().grace(Duration::from_secs(60));
    let new = fixture
        .manager
        .rotate_key(id, rotation, &fixture.actor)
        .await;
    let new = new.expect("rotated");
    let validate = async |token: &str, service: &ServiceName, permission: &'static str| {
        let requirement = Requirement::all_of([Permission::from_static(permission)]);
        let context = Context::new(service)
            .require(&requirement)
            .client(Some([10, 0, 0, 1].into()));
        fixture
            .manager
            .validate(Presented::new(token.as_bytes()), &context)
            .await
    };
    let (old, new) = (old.token.expose(), new.token.expose());
    for token in [old, new, old, old] {
        let Verdict::Granted(grant) = validate(token, &ORDERS, "orders:read").await else {
            panic!("granted")
        };
        grant.record_throttled();
    }
    validate(new, &ORDERS, "billing:read").await;
    validate(new, &BILLING, "orders:read").await;
    fixture.clock.advance(Duration::from_secs(60));
    validate(old, &ORDERS, "orders:read").await;
    fixture.manager.flush_usage().await.expect("written");

    let usage = fixture.manager.usage(&[id]).await.expect("usage");
    let [first, second] = usage[0].secrets.as_slice() else {
        panic!("two secrets")
    };
    let began = fixture.clock.now().wall().as_millis() - 60_000;
    let at = Some(Timestamp::from_millis(began));
    let of_first = Usage {
        granted: 3,
        refused: Refusals {
            ended: 1,
            ..Refusals::default()
        },
        throttled: 3,
        last_used_at: at,
        last_address: Some(AddressClass::Private),
    };
    assert_eq!((first.number, first.usage), (1, of_first));
    let refused = Refusals {
        foreign: 1,
        permission: 1,
        ..Refusals::default()
    };
    let of_second = Usage {
        granted: 1,
        refused,
        throttled: 1,
        ..of_first
    };
    assert_eq!((second.number, second.usage), (2, of_second));
    let mut sum = of_first;
    sum.add(&of_second);
    assert_eq!(usage[0].total, sum);
    assert_eq!(usage[0].total.refused.total(), 3);
}
