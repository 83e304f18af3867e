//! What a change sets, and who else learns of it.

use super::RETIRED;
use crate::Context;
use crate::error::ErrorKind;
use crate::limits::Rate;
use crate::manager::tests::{BILLING, DAY, Fixture, ORDERS, told};
use crate::manager::{Patch, ServicePatch};
use crate::service::{Service, ServiceName};
use crate::token::Presented;
use crate::verdict::Verdict;

impl Fixture {
    /// The rate that this node grants the token.
    async fn rate(&self, token: &str) -> Option<Rate> {
        let orders = ORDERS;
        let token = Presented::new(token.as_bytes());
        match self.manager.validate(token, &Context::new(&orders)).await {
            Verdict::Granted(grant) => grant.rate(),
            verdict => panic!("{verdict:?}"),
        }
    }
}

#[tokio::test]
async fn each_field_is_kept_cleared_or_set_and_the_event_tells_which() {
    let fixture = Fixture::new().await;
    let set = ServicePatch::new()
        .quota(5)
        .default_rate("10/s".parse::<Rate>().expect("rate"))
        .default_lifetime(DAY)
        .max_lifetime(DAY * 2)
        .prefix("acme".parse::<crate::token::Prefix>().expect("prefix"));
    let service = fixture.update_service(set.clone()).await.expect("updated");
    assert_eq!(
        fixture.manager.service(&ORDERS).await.expect("service"),
        service
    );
    assert_eq!((service.quota, service.version), (5, 2));
    assert_eq!(service.default_lifetime, Some(DAY));
    assert_eq!(service.max_lifetime, Some(DAY * 2));
    assert_eq!(
        told(&fixture.events().await[0]),
        [
            ("quota", Some("10000"), Some("5")),
            ("rate", None, Some("10/s")),
            ("lifetime_seconds", None, Some("86400")),
            ("max_lifetime_seconds", None, Some("172800")),
            ("prefix", None, Some("acme")),
        ]
    );
    let head = fixture.manager.audit_head().await.expect("head");
    assert_eq!(
        fixture.update_service(set).await.expect("the same").version,
        2
    );
    assert_eq!(
        fixture.manager.audit_head().await.expect("head"),
        head,
        "no event"
    );

    let cleared = ServicePatch::new()
        .quota(Patch::Clear)
        .default_rate(Patch::Clear)
        .default_lifetime(Patch::Clear)
        .max_lifetime(Patch::Clear)
        .prefix(Patch::Clear);
    let cleared = fixture.update_service(cleared).await.expect("cleared");
    let before = Service {
        version: 3,
        ..fixture.manager.service(&BILLING).await.expect("plain")
    };
    let named = Service {
        name: BILLING,
        created_at: before.created_at,
        ..cleared
    };
    assert_eq!(
        named, before,
        "as a service that was created without anything"
    );
}

#[tokio::test]
async fn of_two_who_saw_the_same_version_one_changes_it() {
    let fixture = Fixture::new().await;
    let first = ServicePatch::new().quota(5).expected_version(1);
    assert_eq!(
        fixture
            .update_service(first)
            .await
            .expect("updated")
            .version,
        2
    );
    let second = ServicePatch::new().quota(6).expected_version(1);
    let error = fixture.update_service(second).await.expect_err("stale");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.to_string(), "service orders is of version 2, not 1");
    assert_eq!(
        fixture
            .manager
            .service(&ORDERS)
            .await
            .expect("service")
            .quota,
        5
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_that_meet_are_made_one_after_the_other() {
    let fixture = Fixture::new().await;
    let tasks: Vec<_> = (0..8)
        .map(|at| {
            let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
            let patch = match at % 2 {
                0 => ServicePatch::new().quota(100 + at),
                _ => ServicePatch::new().default_rate(Rate::new(at, DAY, 1).expect("rate")),
            };
            tokio::spawn(async move { manager.update_service(&ORDERS, patch, &actor).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("task").expect("updated");
    }
    let service = fixture.manager.service(&ORDERS).await.expect("service");
    assert!(
        service.quota > 99 && service.default_rate.is_some(),
        "{service:?}"
    );
    assert_eq!(service.version, 9);
}

#[tokio::test]
async fn a_change_reaches_other_nodes_after_one_poll_and_sends_no_key_to_the_store() {
    let fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let issued = fixture.issue().await;
    let token = issued.token.expose();
    // The poll that tells of the key itself comes before.
    fixture.pass_poll().await;
    assert_eq!(fixture.rate(token).await, None);
    let loads = fixture.store.loads();
    let rate: Rate = "10/s".parse().expect("rate");
    let patch = ServicePatch::new().default_rate(rate);
    other
        .update_service(&ORDERS, patch, &fixture.actor)
        .await
        .expect("updated");
    fixture.pass_poll().await;
    assert_eq!(fixture.rate(token).await, Some(rate));

    let reason = "moved".parse().expect("reason");
    other
        .retire_service(&ORDERS, reason, &fixture.actor)
        .await
        .expect("retired");
    fixture.pass_poll().await;
    assert_eq!(fixture.validate(token).await, RETIRED);
    assert_eq!(fixture.store.loads(), loads, "the key stayed cached");
}

#[tokio::test]
async fn a_service_that_does_not_exist_is_said_to_be_missing() {
    let fixture = Fixture::new().await;
    let none = ServiceName::from_static("none");
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let updated = manager
        .update_service(&none, ServicePatch::new(), actor)
        .await;
    let retired = manager
        .retire_service(&none, "r".parse().expect("reason"), actor)
        .await;
    for error in [updated, retired] {
        assert_eq!(error.expect_err("missing").kind(), ErrorKind::NotFound);
    }
}
