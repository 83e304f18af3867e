//! Services that are changed and retired.

use std::time::Duration;

use super::{BILLING, Fixture, ORDERS, Outcome, told};
use crate::Context;
use crate::audit::Action;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::limits::Rate;
use crate::manager::{
    Expiry, KeyManager, KeyPatch, ManagerConfig, NewService, Patch, Rotation, ServicePatch,
};
use crate::service::{Service, ServiceName};
use crate::token::Presented;
use crate::verdict::{DenialReason, Verdict};

const DAY: Duration = Duration::from_secs(86_400);
const RETIRED: Outcome = Outcome::Denied(DenialReason::Retired);

impl Fixture {
    async fn update_service(&self, patch: ServicePatch) -> Result<Service, Error> {
        self.manager
            .update_service(&ORDERS, patch, &self.actor)
            .await
    }

    async fn retire(&self, reason: &str) -> Service {
        let reason = reason.parse().expect("reason");
        let retired = self
            .manager
            .retire_service(&ORDERS, reason, &self.actor)
            .await;
        retired.expect("retired")
    }

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
async fn what_is_out_of_range_is_refused() {
    let config = ManagerConfig::default()
        .max_lifetime(DAY * 30)
        .default_lifetime(DAY);
    let fixture = Fixture::with(config).await;
    for (patch, field) in [
        (ServicePatch::new().quota(0), "quota"),
        (ServicePatch::new().quota(u32::MAX), "quota"),
        (
            ServicePatch::new().default_lifetime(Duration::ZERO),
            "default_lifetime",
        ),
        (
            ServicePatch::new().default_lifetime(Duration::MAX),
            "default_lifetime",
        ),
        (
            ServicePatch::new().default_lifetime(DAY * 31),
            "default_lifetime",
        ),
        (
            ServicePatch::new().max_lifetime(Duration::from_secs(59)),
            "max_lifetime",
        ),
        (ServicePatch::new().max_lifetime(DAY * 31), "max_lifetime"),
        (
            ServicePatch::new()
                .max_lifetime(DAY)
                .default_lifetime(DAY * 2),
            "default_lifetime",
        ),
    ] {
        let error = fixture.update_service(patch).await.expect_err(field);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.to_string().starts_with(&format!("invalid {field}")),
            "{error}"
        );
    }
    let new = NewService::new("new".parse().expect("name"));
    for new in [
        new.clone().max_lifetime(DAY * 31),
        new.max_lifetime(DAY).default_lifetime(DAY * 2),
    ] {
        let error = fixture.manager.create_service(new, &fixture.actor).await;
        assert_eq!(error.expect_err("refused").kind(), ErrorKind::Invalid);
    }
    assert_eq!(
        fixture
            .manager
            .service(&ORDERS)
            .await
            .expect("service")
            .version,
        1
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
async fn a_retired_service_issues_nothing_and_accepts_nothing_and_stays_so() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (manager, actor, id) = (&fixture.manager, &fixture.actor, issued.key.id);
    let retired = fixture.retire("moved").await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        RETIRED,
        "from the next request on"
    );
    let retirement = retired.retirement.clone().expect("retired");
    assert_eq!(retirement.at, fixture.clock.now().wall());
    fixture.clock.advance(DAY);
    assert_eq!(
        fixture.retire("again").await,
        retired,
        "the first retirement stands"
    );

    let errors = [
        manager
            .create_key(fixture.new_key(), actor)
            .await
            .map(|_| ()),
        manager
            .create_keys(vec![fixture.new_key()], actor)
            .await
            .map(|_| ()),
        manager
            .rotate_key(id, Rotation::default(), actor)
            .await
            .map(|_| ()),
        fixture
            .update_service(ServicePatch::new().quota(7))
            .await
            .map(|_| ()),
        fixture
            .update_service(ServicePatch::new())
            .await
            .map(|_| ()),
        manager
            .update_key(id, KeyPatch::new().expiry(Expiry::Never), actor)
            .await
            .map(|_| ()),
    ];
    for error in errors {
        let error = error.expect_err("retired");
        assert_eq!(error.kind(), ErrorKind::Retired, "{error}");
    }
    let noted = KeyPatch::new().note("moved".parse::<crate::key::Note>().expect("note"));
    manager
        .update_key(id, noted, actor)
        .await
        .expect("a note is no change of worth");
    fixture.revoke(id).await;
    let events = fixture.events().await;
    let retire = events
        .iter()
        .find(|event| event.action == Action::ServiceRetire);
    assert_eq!(
        told(retire.expect("told")),
        [("reason", None, Some("moved"))]
    );
}

#[tokio::test]
async fn a_retirement_elsewhere_is_found_by_the_store_before_the_poll() {
    let fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let reason = "moved".parse().expect("reason");
    other
        .retire_service(&ORDERS, reason, &fixture.actor)
        .await
        .expect("retired");
    let error = fixture
        .manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await;
    assert_eq!(error.expect_err("retired").kind(), ErrorKind::Retired);
}

#[tokio::test]
async fn a_service_bounds_the_lives_of_its_new_keys() {
    let fixture = Fixture::new().await;
    let now = fixture.clock.now().wall();
    let bounded = fixture
        .update_service(ServicePatch::new().max_lifetime(DAY * 10))
        .await;
    bounded.expect("updated");
    let by_default = fixture.issue().await.key;
    assert_eq!(
        by_default.expires_at,
        Some(now.saturating_add(DAY * 10)),
        "no longer than that"
    );
    for expiry in [
        Expiry::Never,
        Expiry::In(DAY * 11),
        Expiry::At(crate::clock::Timestamp::MAX),
    ] {
        let new = fixture.new_key().expiry(expiry);
        let error = fixture
            .manager
            .create_key(new, &fixture.actor)
            .await
            .expect_err("too long");
        assert!(
            error.to_string().ends_with("at most 10 days from now"),
            "{error}"
        );
    }
    // The first poll tells of what was made here, and has the services read again.
    for _ in 0..2 {
        fixture.manager.poll_now().await.expect("polled");
    }
    let calls = fixture.store.calls();
    fixture.issue().await;
    assert_eq!(
        fixture.store.calls(),
        calls + 1,
        "the service is known: a commit and nothing else"
    );
}

#[tokio::test]
async fn a_quota_below_what_is_there_stops_new_keys_and_ends_none() {
    let fixture = Fixture::new().await;
    let keys = [fixture.issue().await, fixture.issue().await];
    fixture
        .update_service(ServicePatch::new().quota(1))
        .await
        .expect("updated");
    for key in &keys {
        assert_eq!(fixture.validate(key.token.expose()).await, Outcome::Granted);
    }
    let full = fixture
        .manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await;
    assert_eq!(full.expect_err("full").kind(), ErrorKind::QuotaReached);
    for key in keys {
        fixture.revoke(key.key.id).await;
    }
    fixture.issue().await;
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

#[tokio::test]
async fn what_the_manager_was_told_since_refuses_no_change_of_something_else() {
    let fixture = Fixture::new().await;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let lives = ServicePatch::new()
        .max_lifetime(days(100))
        .default_lifetime(days(90));
    fixture.update_service(lives).await.expect("updated");
    let issued = fixture.issue().await;
    let config = ManagerConfig::default()
        .max_lifetime(days(30))
        .default_lifetime(days(30));
    let strict = KeyManager::builder(fixture.memory.clone())
        .keyring(fixture.keyring.clone())
        .clock(fixture.clock.clone())
        .config(config)
        .build()
        .await
        .expect("built");
    let update = async |patch| strict.update_service(&ORDERS, patch, &fixture.actor).await;
    let service = update(ServicePatch::new().quota(7)).await.expect("updated");
    assert_eq!((service.quota, service.max_lifetime), (7, Some(days(100))));
    for (patch, field) in [
        (ServicePatch::new().max_lifetime(days(99)), "max_lifetime"),
        (
            ServicePatch::new().default_lifetime(days(31)),
            "default_lifetime",
        ),
        // The default that stands is longer.
        (
            ServicePatch::new().max_lifetime(days(20)),
            "default_lifetime",
        ),
    ] {
        let error = update(patch).await.expect_err(field);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(field), "{error}");
    }
    update(ServicePatch::new().default_lifetime(days(30)))
        .await
        .expect("within bounds");
    // And a key that lives longer than it may by now can be renamed.
    let renamed = KeyPatch::new().name("new".parse().expect("name"));
    let key = strict
        .update_key(issued.key.id, renamed, &fixture.actor)
        .await;
    assert_eq!(key.expect("renamed").expires_at, issued.key.expires_at);
}
