use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interleaved_core::clock::Timestamp;
use interleaved_core::key::{Key, KeyId};
use interleaved_core::limits::Rate;
use interleaved_core::manager::{Issued, KeyManager, ManagerConfig, Rotation, ServicePatch};
use interleaved_core::service::Service;
use interleaved_core::token::Presented;
use interleaved_core::verdict::{DenialReason, UnavailableCause};
use interleaved_core::{Context, Error, ErrorKind, Grant, Verdict};

use crate::holder::{Holder, OVER};
use crate::prepared::ORDERS;
use crate::store::StepStore;
use crate::world::World;

/// A manager of its own over the common store, and what it must know.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) world: World,
    pub(crate) manager: KeyManager,
    pub(crate) store: StepStore,
    known: Arc<Mutex<Vec<Fact>>>,
    granted: Arc<Mutex<Vec<KeyId>>>,
    /// The service's rate, as this node must know it; it only grows.
    rate: Arc<AtomicU32>,
}

/// That a token is over from a moment on.
#[derive(Debug)]
struct Fact {
    id: KeyId,
    number: u32,
    end: Timestamp,
    /// Something else may be a fact after a revival.
    life: u64,
}

/// How a token fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fared {
    Granted,
    Denied,
    Unavailable(UnavailableCause),
}

impl Node {
    pub(crate) async fn new(world: &World) -> Self {
        let store = StepStore::new(&world.memory);
        let manager = KeyManager::builder(store.clone())
            .keyring(world.prepared.keyring.clone())
            .config(ManagerConfig::default().warm_up(0_u32))
            .clock(world.clock.clone())
            .build();
        Self {
            manager: manager.await.expect("built"),
            store,
            world: world.clone(),
            known: Arc::default(),
            granted: Arc::default(),
            rate: Arc::default(),
        }
    }

    /// Has the token validated, and holds the verdict against what this node
    /// must have known when it was asked.
    pub(crate) async fn validate(&self, holder: &Holder) -> Fared {
        match self.verdict(holder).await {
            Verdict::Granted(_) => Fared::Granted,
            Verdict::Denied(_) => Fared::Denied,
            Verdict::Unavailable(unavailability) => Fared::Unavailable(unavailability.cause()),
        }
    }

    /// The same; what was granted, if it was.
    pub(crate) async fn grant(&self, holder: &Holder) -> Option<Grant> {
        match self.verdict(holder).await {
            Verdict::Granted(grant) => Some(grant),
            Verdict::Denied(_) | Verdict::Unavailable(_) => None,
        }
    }

    async fn verdict(&self, holder: &Holder) -> Verdict {
        let life = self.world.life();
        let (over, rate) = (self.knows_over(holder), self.rate.load(SeqCst));
        let token = Presented::new(holder.token.as_bytes());
        let verdict = self.manager.validate(token, &Context::new(&ORDERS)).await;
        let revived = self.world.life() != life;
        match &verdict {
            Verdict::Granted(grant) => {
                let id = grant.key_id();
                assert_eq!(id, holder.id);
                let of_grant = grant.rate().map_or(0, |rate| rate.requests().get());
                assert!(of_grant >= rate, "granted with the rate of before");
                assert!(
                    revived || !over,
                    "granted after its end was known: {holder:?}"
                );
                self.granted.lock().expect("lock").push(id);
            }
            Verdict::Denied(denial) => self.check_denial(holder, denial.reason()),
            Verdict::Unavailable(_) => {}
        }
        verdict
    }

    /// Nobody holds a token before its secret is in the store. Where it is
    /// there still, it was there all the time.
    fn check_denial(&self, holder: &Holder, reason: DenialReason) {
        let record = self.world.record(holder);
        let there = match reason {
            DenialReason::Unknown => record.is_some(),
            DenialReason::Secret => record.is_some_and(|key| holder.secret_in(&key).is_some()),
            DenialReason::Revoked
            | DenialReason::Disabled
            | DenialReason::Expired
            | DenialReason::Retired
            | DenialReason::Rotated => false,
            other => panic!("refused as {other:?}: {holder:?}"),
        };
        assert!(
            !there,
            "refused as {reason:?}, and the store has it: {holder:?}"
        );
    }

    fn knows_over(&self, holder: &Holder) -> bool {
        let (now, life) = (self.world.wall(), self.world.life());
        let of_holder = |fact: &&Fact| {
            (fact.id, fact.number) == (holder.id, holder.number) && Some(fact.life) == life
        };
        let known = self.known.lock().expect("lock");
        let told = known.iter().filter(of_holder).map(|fact| fact.end);
        told.chain(holder.expires_at).any(|end| end <= now)
    }

    /// This node must know from now on when the token ends.
    pub(crate) fn learn(&self, holder: &Holder, end: Option<Timestamp>) {
        let (Some(end), Some(life)) = (end, self.world.life()) else {
            return;
        };
        self.known.lock().expect("lock").push(Fact {
            id: holder.id,
            number: holder.number,
            end,
            life,
        });
    }

    /// This node must know from now on what this record says.
    fn learn_record(&self, holders: &[&Holder], changed: &Result<Key, Error>) {
        if let Ok(key) = changed {
            for holder in holders {
                self.learn(holder, holder.end(Some(key)));
            }
        }
    }

    pub(crate) async fn revoke(&self, holder: &Holder) -> Result<Key, Error> {
        let reason = "leaked".parse().expect("reason");
        let actor = &self.world.prepared.actor;
        let revoked = self.manager.revoke_key(holder.id, reason, actor).await;
        self.learn_record(&[holder], &revoked);
        revoked
    }

    pub(crate) async fn disable(&self, holder: &Holder) -> Result<Key, Error> {
        let life = self.world.life();
        let actor = &self.world.prepared.actor;
        let disabled = self.manager.disable_key(holder.id, actor).await;
        if self.world.life() == life {
            self.learn_record(&[holder], &disabled);
        }
        disabled
    }

    pub(crate) async fn enable(&self, holder: &Holder) -> Result<Key, Error> {
        let actor = &self.world.prepared.actor;
        self.world.revive();
        let enabled = self.manager.enable_key(holder.id, actor).await;
        self.world.revive();
        enabled
    }

    /// Rotates; the token's own end is then known.
    pub(crate) async fn rotate(&self, holder: &Holder, grace: Duration) -> Result<Holder, Error> {
        let rotation = Rotation::default().grace(grace);
        let actor = &self.world.prepared.actor;
        let issued: Issued = self.manager.rotate_key(holder.id, rotation, actor).await?;
        let new = Holder::of(&issued);
        // The state may have been another one for a moment.
        let ends_at = holder.secret_in(&issued.key).unwrap_or(Some(OVER));
        self.learn(holder, ends_at);
        Ok(new)
    }

    /// Retires the service, and with it every key.
    pub(crate) async fn retire(&self, holders: &[&Holder]) -> Result<Service, Error> {
        let reason = "over".parse().expect("reason");
        let actor = &self.world.prepared.actor;
        let retired = self.manager.retire_service(&ORDERS, reason, actor).await?;
        for holder in holders {
            self.learn(holder, Some(OVER));
        }
        Ok(retired)
    }

    /// Gives the service this rate, which this node must know from then on.
    pub(crate) async fn set_rate(&self, requests: u32) -> Result<Service, Error> {
        let patch = ServicePatch::new().default_rate(rate(requests));
        let actor = &self.world.prepared.actor;
        let changed = self.manager.update_service(&ORDERS, patch, actor).await?;
        self.rate.fetch_max(requests, SeqCst);
        Ok(changed)
    }

    /// Has the follower poll. What the store had when it was asked, this node
    /// must know once the poll was good.
    pub(crate) async fn poll(&self, holders: &[&Holder]) {
        let life = self.world.life();
        let rate = self.world.service().default_rate;
        let ends: Vec<_> = holders
            .iter()
            .map(|holder| self.world.end(holder))
            .collect();
        if self.manager.poll_now().await.is_err() || self.world.life() != life {
            return;
        }
        if let Some(rate) = rate {
            self.rate.fetch_max(rate.requests().get(), SeqCst);
        }
        for (holder, end) in holders.iter().zip(ends) {
            self.learn(holder, end);
        }
    }

    /// Waits until every commit is settled that somebody still waits for.
    pub(crate) async fn settle(&self) {
        loop {
            let stats = self.manager.stats();
            if stats.commits + stats.commit_failures >= self.store.commits() {
                return;
            }
            shuttle::future::yield_now().await;
        }
    }

    /// All is quiet: after one more poll, verdicts are what the store says.
    /// The counters are then written.
    pub(crate) async fn check_at_rest(&self, holders: &[&Holder]) {
        self.settle().await;
        // Whoever joins a read that the clock overtook fails with it.
        let mut overtaken = 0;
        for holder in holders {
            loop {
                let stands = (self.world.record(holder), self.world.service());
                self.manager.poll_now().await.expect("polled");
                let fared = self.validate(holder).await;
                if fared == Fared::Unavailable(UnavailableCause::Store) && overtaken < 3 {
                    overtaken += 1;
                    continue;
                }
                // A commit that nobody waited for may come as late as here.
                if (self.world.record(holder), self.world.service()) == stands {
                    let end = self.world.end(holder);
                    let over = end.is_some_and(|end| end <= self.world.wall());
                    let expected = if over { Fared::Denied } else { Fared::Granted };
                    assert_eq!(fared, expected, "at rest: {holder:?}");
                    break;
                }
            }
        }
        self.store.keep_answers();
        self.manager.shutdown().await.expect("flushed");
    }

    pub(crate) fn granted(&self, id: KeyId) -> u64 {
        let granted = self.granted.lock().expect("lock");
        granted.iter().filter(|of| **of == id).count() as u64
    }
}

fn rate(requests: u32) -> Rate {
    Rate::new(requests, Duration::from_secs(1), requests).expect("a rate")
}

/// What was changed; nothing where somebody else's change came before.
pub(crate) fn unless_late<T>(changed: Result<T, Error>) -> Option<T> {
    changed
        .inspect_err(|error| {
            let late = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::State);
            assert!(late, "{error}");
        })
        .ok()
}
