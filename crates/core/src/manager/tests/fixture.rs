//! A manager with two services, and what tests ask of it.

use std::time::Duration;

use crate::Context;
use crate::audit::{Actor, AuditEvent};
use crate::clock::ManualClock;
use crate::key::KeyId;
use crate::keyring::Keyring;
use crate::manager::{
    Issued, KeyManager, ListEvents, ManagerBuilder, ManagerConfig, NewKey, NewService,
};
use crate::service::ServiceName;
use crate::store::{FaultStore, MemoryStore};
use crate::token::Presented;
use crate::verdict::{DenialReason, UnavailableCause, Verdict};

pub(super) const ORDERS: ServiceName = ServiceName::from_static("orders");
pub(super) const BILLING: ServiceName = ServiceName::from_static("billing");

pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// A manager with two services, and everything that a test moves.
pub(super) struct Fixture {
    pub(super) store: FaultStore,
    pub(super) memory: MemoryStore,
    pub(super) keyring: Keyring,
    pub(super) clock: ManualClock,
    pub(super) manager: KeyManager,
    pub(super) actor: Actor,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with(ManagerConfig::default()).await
    }

    /// Reads nothing ahead: tests count what reaches the store.
    pub(super) async fn with(config: ManagerConfig) -> Self {
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
    pub(super) async fn other_node(&self) -> KeyManager {
        self.builder().build().await.expect("built")
    }

    /// What another node is made of, where nothing else is said.
    pub(super) fn builder(&self) -> ManagerBuilder {
        KeyManager::builder(self.memory.clone())
            .keyring(self.keyring.clone())
            .clock(self.clock.clone())
    }

    pub(super) fn new_key(&self) -> NewKey {
        NewKey::new(
            ORDERS,
            "acme".parse().expect("owner"),
            "job".parse().expect("name"),
        )
        .scopes("orders:*".parse().expect("scopes"))
    }

    pub(super) async fn issue(&self) -> Issued {
        self.manager
            .create_key(self.new_key(), &self.actor)
            .await
            .expect("issued")
    }

    pub(super) async fn validate(&self, token: &str) -> Outcome {
        outcome(
            &self
                .manager
                .validate(Presented::new(token.as_bytes()), &Context::new(&ORDERS))
                .await,
        )
    }

    pub(super) async fn revoke(&self, id: KeyId) {
        let reason = "leaked".parse().expect("reason");
        self.manager
            .revoke_key(id, reason, &self.actor)
            .await
            .expect("revoked");
    }

    /// Every event since the fixture was made.
    pub(super) async fn events(&self) -> Vec<AuditEvent> {
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
    pub(super) async fn pass_poll(&self) {
        self.clock.advance(Duration::from_millis(500));
        self.manager.poll_now().await.expect("polled");
    }
}

/// What an event says of its fields: name, text before, text after.
pub(super) fn told(event: &AuditEvent) -> Vec<(&str, Option<&str>, Option<&str>)> {
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
pub(super) enum Outcome {
    Granted,
    Denied(DenialReason),
    Unavailable(UnavailableCause),
}

pub(super) fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Granted(_) => Outcome::Granted,
        Verdict::Denied(denial) => Outcome::Denied(denial.reason()),
        Verdict::Unavailable(unavailability) => Outcome::Unavailable(unavailability.cause()),
    }
}
