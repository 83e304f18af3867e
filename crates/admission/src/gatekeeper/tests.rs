use std::time::Duration;

use portcullis_core::audit::Actor;
use portcullis_core::clock::ManualClock;
use portcullis_core::keyring::Keyring;
use portcullis_core::limits::Rate;
use portcullis_core::manager::{Issued, NewKey, NewService};
use portcullis_core::scope::{Permission, Requirement};
use portcullis_core::service::ServiceName;
use portcullis_core::store::MemoryStore;
use portcullis_core::token::Presented;
use portcullis_core::verdict::DenialReason;
use portcullis_core::{Context, KeyManager};

use super::{Attempt, Decision, Gatekeeper};
use crate::limiter::{Limiter, LimiterConfig};

const ORDERS: ServiceName = ServiceName::from_static("orders");

struct World {
    manager: KeyManager,
    clock: ManualClock,
    actor: Actor,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new();
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(MemoryStore::new())
            .keyring(keyring)
            .clock(clock.clone())
            .build()
            .await
            .expect("a manager");
        let actor = Actor::new("test").expect("an actor");
        let service = NewService::new(ORDERS).default_rate(rate("3/m"));
        manager
            .create_service(service, &actor)
            .await
            .expect("a service");
        Self {
            manager,
            clock,
            actor,
        }
    }

    async fn key(&self, rate: Option<&str>) -> Issued {
        let name = "job".parse().expect("a name");
        let mut key = NewKey::new(ORDERS, "acme".parse().expect("an owner"), name);
        if let Some(text) = rate {
            key = key.rate(self::rate(text));
        }
        self.manager
            .create_key(key, &self.actor)
            .await
            .expect("a key")
    }

    fn gate(&self) -> Gatekeeper {
        Gatekeeper::new(self.manager.clone(), Limiter::default())
    }
}

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

async fn decide(gate: &Gatekeeper, issued: &Issued) -> Decision {
    let token = Presented::new(issued.token.expose().as_bytes());
    gate.decide(token, &Context::new(&ORDERS)).await
}

async fn admitted(gate: &Gatekeeper, issued: &Issued, requests: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..requests {
        admitted += usize::from(matches!(decide(gate, issued).await, Decision::Admitted(_)));
    }
    admitted
}

#[tokio::test]
async fn the_key_s_own_rate_comes_before_its_service_s() {
    let world = World::new().await;
    let gate = world.gate();
    let (own, default) = (world.key(Some("5/m")).await, world.key(None).await);
    assert_eq!(admitted(&gate, &own, 10).await, 5);
    assert_eq!(admitted(&gate, &default, 10).await, 3);
}

#[tokio::test]
async fn a_throttled_request_passes_when_it_was_told() {
    let world = World::new().await;
    let gate = world.gate();
    let key = world.key(Some("10/m")).await;
    let Decision::Admitted(admission) = decide(&gate, &key).await else {
        panic!("admitted")
    };
    let left = admission.allowance().expect("a rate");
    assert_eq!(
        (left.remaining(), left.reset()),
        (9, Duration::from_secs(6))
    );
    assert_eq!(admitted(&gate, &key, 9).await, 9);
    let Decision::Throttled(throttle) = decide(&gate, &key).await else {
        panic!("throttled")
    };
    assert_eq!(throttle.retry_after(), Duration::from_secs(6));
    assert_eq!(throttle.allowance().remaining(), 0);
    assert_eq!(throttle.allowance().reset(), Duration::from_secs(60));
    world
        .clock
        .advance(throttle.retry_after() - Duration::from_nanos(1));
    assert_eq!(admitted(&gate, &key, 1).await, 0);
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(admitted(&gate, &key, 2).await, 1);
}

#[tokio::test]
async fn a_service_without_a_rate_sets_no_limit() {
    let world = World::new().await;
    let free = ServiceName::from_static("free");
    world
        .manager
        .create_service(NewService::new(free.clone()), &world.actor)
        .await
        .expect("one");
    let key = NewKey::new(
        free.clone(),
        "acme".parse().expect("one"),
        "job".parse().expect("one"),
    );
    let issued = world
        .manager
        .create_key(key, &world.actor)
        .await
        .expect("a key");
    let token = Presented::new(issued.token.expose().as_bytes());
    let gate = world.gate();
    for _ in 0..100 {
        let Decision::Admitted(admission) = gate.decide(token, &Context::new(&free)).await else {
            panic!("admitted")
        };
        assert_eq!(admission.allowance(), None);
    }
    assert_eq!(gate.limiter().stats().entries, 0);
}

#[tokio::test]
async fn a_refused_request_takes_nothing() {
    let world = World::new().await;
    let gate = world.gate();
    let key = world.key(None).await;
    let token = Presented::new(key.token.expose().as_bytes());
    let writes = Requirement::all_of([Permission::from_static("orders:write")]);
    for _ in 0..10 {
        let service = ORDERS;
        let context = Context::new(&service).require(&writes);
        let Decision::Refused(denial) = gate.decide(token, &context).await else {
            panic!("refused")
        };
        assert_eq!(denial.reason(), DenialReason::Permission);
    }
    assert_eq!(admitted(&gate, &key, 10).await, 3);
    let stats = gate.stats();
    assert_eq!(
        (
            stats.admitted,
            stats.refused,
            stats.throttled,
            stats.unavailable
        ),
        (3, 10, 7, 0)
    );
}

#[tokio::test]
async fn a_known_key_is_decided_at_once() {
    let world = World::new().await;
    let gate = world.gate();
    let key = world.key(None).await;
    assert_eq!(admitted(&gate, &key, 1).await, 1);
    let token = Presented::new(key.token.expose().as_bytes());
    let attempt = gate.try_decide(token, &Context::new(&ORDERS));
    assert!(
        matches!(attempt, Attempt::Decided(Decision::Admitted(_))),
        "{attempt:?}"
    );
}

#[tokio::test]
async fn gates_over_one_limiter_share_it_and_others_do_not() {
    let world = World::new().await;
    let limiter = Limiter::new(LimiterConfig::default().capacity(10));
    let first = Gatekeeper::new(world.manager.clone(), limiter.clone());
    let second = Gatekeeper::new(world.manager.clone(), limiter);
    let apart = world.gate();
    let key = world.key(None).await;
    assert_eq!(admitted(&first, &key, 2).await, 2);
    assert_eq!(admitted(&second, &key, 10).await, 1);
    assert_eq!(admitted(&apart, &key, 10).await, 3);
    assert_eq!(admitted(&first, &key, 10).await, 0);
}

#[tokio::test]
async fn a_limiter_remembers_as_many_keys_as_it_was_told_to() {
    let world = World::new().await;
    let limiter = Limiter::new(LimiterConfig::default().capacity(2));
    let gate = Gatekeeper::new(world.manager.clone(), limiter);
    for _ in 0..3 {
        let key = world.key(Some("1/h")).await;
        assert_eq!(admitted(&gate, &key, 2).await, 1);
    }
    let stats = gate.limiter().stats();
    assert_eq!((stats.entries, stats.evictions), (2, 1));
}

#[tokio::test]
async fn a_cached_key_keeps_what_it_used_where_the_table_is_full() {
    let world = World::new().await;
    let limiter = Limiter::new(LimiterConfig::default().capacity(1));
    let gate = Gatekeeper::new(world.manager.clone(), limiter);
    let (first, second) = (world.key(Some("1/h")).await, world.key(Some("1/h")).await);
    assert_eq!(admitted(&gate, &first, 1).await, 1);
    assert_eq!(admitted(&gate, &second, 1).await, 1);
    assert_eq!(gate.limiter().stats().evictions, 1);
    assert_eq!(admitted(&gate, &first, 1).await, 0, "it was forgotten");
}

#[tokio::test]
async fn a_changed_key_keeps_what_it_used() {
    let world = World::new().await;
    let gate = world.gate();
    let key = world.key(None).await;
    assert_eq!(admitted(&gate, &key, 10).await, 3);
    world
        .manager
        .disable_key(key.key.id, &world.actor)
        .await
        .expect("disabled");
    assert!(matches!(decide(&gate, &key).await, Decision::Refused(_)));
    world
        .manager
        .enable_key(key.key.id, &world.actor)
        .await
        .expect("enabled");
    assert!(matches!(decide(&gate, &key).await, Decision::Throttled(_)));
    assert_eq!(gate.limiter().stats().entries, 1);
}

#[tokio::test]
async fn throttled_requests_are_counted_as_use() {
    let world = World::new().await;
    let gate = world.gate();
    let key = world.key(None).await;
    admitted(&gate, &key, 5).await;
    gate.shutdown().await.expect("flushed");
    let usage = world.manager.usage(&[key.key.id]).await.expect("usage");
    assert_eq!(
        usage
            .iter()
            .map(|usage| usage.total.throttled)
            .collect::<Vec<_>>(),
        [2]
    );
}
