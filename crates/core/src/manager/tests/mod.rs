//! The manager over the memory store, on a clock that stands still.

mod allowed;
mod bulk;
mod cache;
mod faults;
mod lifecycle;
mod listing;
mod lives;
mod patches;
mod race;
mod refused;
mod roots;
mod runtime;
mod services;
mod spawned;
mod trail;
mod updates;
mod validation;
mod warm_up;

use std::time::Duration;

use crate::Context;
use crate::audit::{Actor, AuditEvent};
use crate::clock::ManualClock;
use crate::key::KeyId;
use crate::keyring::Keyring;
use crate::manager::{Issued, KeyManager, ListEvents, ManagerConfig, NewKey, NewService};
use crate::service::ServiceName;
use crate::store::{FaultStore, MemoryStore};
use crate::token::Presented;
use crate::verdict::{DenialReason, UnavailableCause, Verdict};

const ORDERS: ServiceName = ServiceName::from_static("orders");
const BILLING: ServiceName = ServiceName::from_static("billing");

/// A manager with two services, and everything that a test moves.
struct Fixture {
    store: FaultStore,
    memory: MemoryStore,
    keyring: Keyring,
    clock: ManualClock,
    manager: KeyManager,
    actor: Actor,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(ManagerConfig::default()).await
    }

    /// Reads nothing ahead: tests count what reaches the store.
    async fn with(config: ManagerConfig) -> Self {
        let config = config.warm_up(0_u32);
        let memory = MemoryStore::new();
        let store = FaultStore::new(memory.clone());
        let clock = ManualClock::new();
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(store.clone())
            .keyring(keyring.clone())
            .config(config)
            .clock(clock.clone())
            .build()
            .await
            .expect("built");
        let actor = Actor::new("test").expect("name");
        for service in [ORDERS, BILLING] {
            manager
                .create_service(NewService::new(service), &actor)
                .await
                .expect("created");
        }
        Self {
            store,
            memory,
            keyring,
            clock,
            manager,
            actor,
        }
    }

    /// Another node over the same store and keyring, on the same clock.
    async fn other_node(&self) -> KeyManager {
        KeyManager::builder(self.memory.clone())
            .keyring(self.keyring.clone())
            .clock(self.clock.clone())
            .build()
            .await
            .expect("built")
    }

    fn new_key(&self) -> NewKey {
        NewKey::new(
            ORDERS,
            "acme".parse().expect("owner"),
            "job".parse().expect("name"),
        )
        .scopes("orders:*".parse().expect("scopes"))
    }

    async fn issue(&self) -> Issued {
        self.manager
            .create_key(self.new_key(), &self.actor)
            .await
            .expect("issued")
    }

    async fn validate(&self, token: &str) -> Outcome {
        outcome(
            &self
                .manager
                .validate(Presented::new(token.as_bytes()), &Context::new(&ORDERS))
                .await,
        )
    }

    async fn revoke(&self, id: KeyId) {
        let reason = "leaked".parse().expect("reason");
        self.manager
            .revoke_key(id, reason, &self.actor)
            .await
            .expect("revoked");
    }

    /// Every event since the fixture was made.
    async fn events(&self) -> Vec<AuditEvent> {
        let mut list = ListEvents::new().limit(1_000);
        let mut events = Vec::new();
        loop {
            let page = self.manager.audit_events(list).await.expect("events");
            events.extend(page.events.into_iter().map(|signed| signed.event));
            match page.next {
                Some(next) => list = ListEvents::new().limit(1_000).after(next),
                None => return events.split_off(2),
            }
        }
    }

    /// Moves the clock over one poll and waits until the follower has polled.
    async fn pass_poll(&self) {
        self.clock.advance(Duration::from_millis(500));
        self.manager.poll_now().await.expect("polled");
    }
}

/// What an event says of its fields: name, text before, text after.
fn told(event: &AuditEvent) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let fields = event.changes.iter();
    fields
        .map(|change| {
            let (before, after) = (change.before.as_deref(), change.after.as_deref());
            (change.field.as_str(), before, after)
        })
        .collect()
}

/// A verdict, as far as tests compare it.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Granted,
    Denied(DenialReason),
    Unavailable(UnavailableCause),
}

fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Granted(_) => Outcome::Granted,
        Verdict::Denied(denial) => Outcome::Denied(denial.reason()),
        Verdict::Unavailable(unavailability) => Outcome::Unavailable(unavailability.cause()),
    }
}
