use std::sync::Arc;

use crate::cache::{Cached, Entry, Reread, SecretMatch, ServiceTable};
use crate::clock::Moment;
use crate::context::Context;
use crate::grant::Grant;
use crate::key::{KeyId, KeyState, Secret};
use crate::manager::KeyManager;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::token::{ParsedToken, Presented, TokenFault};
use crate::verdict::{Denial, DenialReason, Unavailability, UnavailableCause, Verdict};

/// How often a record that changes while it is read is read again.
const RETRIES: usize = 2;

/// The answer of [`KeyManager::try_validate`].
#[derive(Debug)]
pub enum Validation {
    /// Decided from what is cached, without waiting.
    Decided(Verdict),
    /// The store has to be asked.
    Pending(PendingValidation),
}

/// A validation that has to ask the store. It owns what it needs but the
/// context.
pub struct PendingValidation {
    shared: Arc<Shared>,
    token: ParsedToken,
    /// When it was asked for.
    since: Moment,
}

impl KeyManager {
    /// Says what a token is worth, as far as that can be said without waiting:
    /// always for a cached key. Takes no lock of its own, and allocates
    /// nothing.
    pub fn try_validate(&self, presented: Presented<'_>, context: &Context<'_>) -> Validation {
        let shared = self.shared();
        let token = match presented.parse() {
            Ok(token) => token,
            Err(fault) => {
                let denial = Denial::new(reason_of(fault), None);
                return Validation::Decided(shared.decided(Verdict::Denied(denial), context));
            }
        };
        let now = shared.clock.now();
        match shared.validate_cached(&token, context, now) {
            Some(verdict) => {
                Counters::add(&shared.counters.cache_hits);
                Validation::Decided(shared.decided(verdict, context))
            }
            None => {
                Counters::add(&shared.counters.cache_misses);
                Validation::Pending(PendingValidation {
                    shared: Arc::clone(shared),
                    token,
                    since: now,
                })
            }
        }
    }

    /// Says what a token is worth. Never fails: where nothing can be said, it
    /// says so.
    pub async fn validate(&self, presented: Presented<'_>, context: &Context<'_>) -> Verdict {
        match self.try_validate(presented, context) {
            Validation::Decided(verdict) => verdict,
            Validation::Pending(pending) => pending.resolve(context).await,
        }
    }
}

impl PendingValidation {
    /// Asks the store, and decides.
    pub async fn resolve(self, context: &Context<'_>) -> Verdict {
        let Self {
            shared,
            token,
            since,
        } = self;
        let verdict = shared.validate_stored(&token, context, since).await;
        shared.decided(verdict, context)
    }
}

impl std::fmt::Debug for PendingValidation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PendingValidation({})", self.token.id)
    }
}

/// What the three steps say of a record, before anything is counted.
enum Judgement {
    Verdict(Verdict),
    /// The token matches no secret; one may be newer than the record.
    Mismatch,
    /// The key's service is not in the table: the table is too old.
    NoService,
}

impl Shared {
    /// Decides by what is cached; nothing where the store has to be asked.
    fn validate_cached(
        self: &Arc<Self>,
        token: &ParsedToken,
        context: &Context<'_>,
        now: Moment,
    ) -> Option<Verdict> {
        let Cached::Present(entry) = self.counting(token.id, now)? else {
            return Some(denied(DenialReason::Unknown, token));
        };
        let services = self.services.table();
        if !self.gate.passes_services(services.stamp()) {
            return None;
        }
        if entry.claim_refresh(now, self.config.poll_interval) {
            self.refresh_key(token.id);
        }
        match self.judge(token, &entry, &services, context, now) {
            Judgement::Verdict(verdict) => Some(verdict),
            Judgement::NoService => None,
            Judgement::Mismatch => self.refuse_mismatch(token, &entry, now),
        }
    }

    /// What is cached of a key, where it still counts.
    fn counting(&self, id: KeyId, now: Moment) -> Option<Cached> {
        if self.freshness.age(now) > self.config.max_staleness {
            return None;
        }
        let cached = self.keys.find(id)?;
        self.gate.passes_key(id, cached.stamp()).then_some(cached)
    }

    /// Refuses a token that matches no cached secret; nothing where the key
    /// has to be read again before.
    fn refuse_mismatch(&self, token: &ParsedToken, entry: &Entry, now: Moment) -> Option<Verdict> {
        // Only what we issued ourselves may make the store work.
        let reread = if self.keyring.issued(token) {
            self.rereads.claim(token, entry.read_at(), now)
        } else {
            Reread::Done
        };
        match reread {
            Reread::First => {
                Counters::add(&self.counters.rereads);
                None
            }
            Reread::Joined => None,
            Reread::Done => Some(denied(DenialReason::Secret, token)),
        }
    }

    /// Decides by what the store says now.
    async fn validate_stored(
        self: &Arc<Self>,
        token: &ParsedToken,
        context: &Context<'_>,
        since: Moment,
    ) -> Verdict {
        // Strangers' inventions end here, before any look-up.
        if !self.keyring.issued(token) {
            return denied(DenialReason::Tag, token);
        }
        let mut cause = UnavailableCause::Contended;
        for attempt in 0..=RETRIES {
            if attempt > 0 {
                Counters::add(&self.counters.gate_retries);
            }
            let services = match self.fresh_services().await {
                Ok(services) => services,
                Err(cause) => return self.unavailable(cause),
            };
            if let Some(verdict) = self.validate_known(token, &services, context) {
                return verdict;
            }
            let weighed = match self.load_key(token.id).await {
                Ok(cached) => self.weigh(token, &cached, &services, context, since),
                Err(cause) => return self.unavailable(cause),
            };
            match weighed {
                Ok(verdict) => return verdict,
                Err(again) => cause = again,
            }
        }
        self.unavailable(cause)
    }

    /// Decides by what is cached by now: the services alone may have been too
    /// old, or another request was first to read the key. Refuses no mismatch.
    fn validate_known(
        &self,
        token: &ParsedToken,
        services: &ServiceTable,
        context: &Context<'_>,
    ) -> Option<Verdict> {
        let now = self.clock.now();
        let Cached::Present(entry) = self.counting(token.id, now)? else {
            return None;
        };
        match self.judge(token, &entry, services, context, now) {
            Judgement::Verdict(verdict) => Some(verdict),
            Judgement::Mismatch | Judgement::NoService => None,
        }
    }

    /// Decides by what a read brought; or says why it has to be read again.
    fn weigh(
        &self,
        token: &ParsedToken,
        cached: &Cached,
        services: &ServiceTable,
        context: &Context<'_>,
        since: Moment,
    ) -> Result<Verdict, UnavailableCause> {
        let now = self.clock.now();
        // A read that was under way when the record changed brings back what
        // no longer counts, for those who joined it as well.
        if !self.gate.passes_key(token.id, cached.stamp()) {
            return Err(UnavailableCause::Contended);
        }
        // A read that took longer than S is no better than a cache of that age.
        let age = now.age_since(cached.read_at());
        if age.min(self.freshness.age(now)) > self.config.max_staleness {
            return Err(UnavailableCause::Store);
        }
        // One that began before the request may have missed a key or a secret
        // that was made in between: it refuses neither.
        let began_before = cached.read_at().is_before(since);
        let judged = match cached {
            Cached::Present(entry) => self.judge(token, entry, services, context, now),
            Cached::Absent(_) if began_before => return Err(UnavailableCause::Contended),
            Cached::Absent(_) => return Ok(denied(DenialReason::Unknown, token)),
        };
        match judged {
            Judgement::Verdict(verdict) => Ok(verdict),
            Judgement::Mismatch if began_before => Err(UnavailableCause::Contended),
            Judgement::Mismatch => Ok(denied(DenialReason::Secret, token)),
            Judgement::NoService => {
                // The key is of a service younger than the table.
                self.gate.raise_services(cached.stamp());
                Err(UnavailableCause::Contended)
            }
        }
    }

    /// The cached table of services where it counts, or else a new one.
    async fn fresh_services(self: &Arc<Self>) -> Result<Arc<ServiceTable>, UnavailableCause> {
        let stale = self.freshness.age(self.clock.now()) > self.config.max_staleness;
        let cached = self.services.table();
        if !stale && self.gate.passes_services(cached.stamp()) {
            return Ok(Arc::clone(&cached));
        }
        drop(cached);
        for _ in 0..=RETRIES {
            let table = self.load_services().await?;
            if self.gate.passes_services(table.stamp()) {
                return Ok(table);
            }
        }
        Err(UnavailableCause::Contended)
    }

    /// The three steps: known, live, allowed.
    fn judge(
        &self,
        token: &ParsedToken,
        entry: &Arc<Entry>,
        services: &ServiceTable,
        context: &Context<'_>,
        now: Moment,
    ) -> Judgement {
        let secret = match entry.find_secret(token, &self.keyring) {
            SecretMatch::Found(secret) if is_of_record(token, entry) => secret,
            SecretMatch::UnknownRoot => {
                return Judgement::Verdict(self.unavailable(UnavailableCause::UnknownRoot));
            }
            SecretMatch::Found(_) | SecretMatch::None => return Judgement::Mismatch,
        };
        if let Err(reason) = live(entry, secret, now).and_then(|()| allowed(entry, context)) {
            entry.usage().record_refused();
            return Judgement::Verdict(denied(reason, token));
        }
        let Some(service) = services.find(&entry.key().service) else {
            return Judgement::NoService;
        };
        entry.usage().record_granted(now.wall());
        Judgement::Verdict(Verdict::Granted(Grant::new(
            Arc::clone(entry),
            Arc::clone(service),
            now,
        )))
    }

    /// Counts a verdict and tells the log.
    fn decided(&self, verdict: Verdict, context: &Context<'_>) -> Verdict {
        self.counters.verdict(&verdict);
        match &verdict {
            Verdict::Granted(_) => {}
            Verdict::Denied(denial) => tracing::debug!(
                reason = denial.reason().as_str(),
                key = denial.key().map(tracing::field::display),
                service = %context.service(),
                client = context.client_address().map(tracing::field::display),
                "key refused"
            ),
            Verdict::Unavailable(unavailability) => tracing::debug!(
                cause = unavailability.cause().as_str(),
                service = %context.service(),
                "validation unavailable"
            ),
        }
        verdict
    }

    fn unavailable(&self, cause: UnavailableCause) -> Verdict {
        let retry_after = self
            .config
            .poll_interval
            .max(std::time::Duration::from_secs(1));
        Verdict::Unavailable(Unavailability::new(cause, retry_after))
    }
}

/// Known, its end: the token's prefix and environment are the record's. The
/// digest covers them already; this holds for imported records as well.
fn is_of_record(token: &ParsedToken, entry: &Entry) -> bool {
    token.prefix == entry.key().prefix && token.environment == entry.key().environment
}

/// Live: neither revoked nor disabled nor expired, and the secret's grace is
/// not over.
fn live(entry: &Entry, secret: &Secret, now: Moment) -> Result<(), DenialReason> {
    let key = entry.key();
    match key.state {
        KeyState::Active => {}
        KeyState::Disabled => return Err(DenialReason::Disabled),
        KeyState::Revoked(_) => return Err(DenialReason::Revoked),
    }
    if key.is_expired(now.wall()) {
        return Err(DenialReason::Expired);
    }
    if secret.is_live(now.wall()) {
        Ok(())
    } else {
        Err(DenialReason::Rotated)
    }
}

/// Allowed: of the service and environment that are guarded, and with every
/// permission that is required.
fn allowed(entry: &Entry, context: &Context<'_>) -> Result<(), DenialReason> {
    let key = entry.key();
    if key.service != *context.service() {
        return Err(DenialReason::Service);
    }
    if !context.accepted_environments().contain(key.environment) {
        return Err(DenialReason::Environment);
    }
    match context.requirement() {
        Some(requirement) if !requirement.is_met_by(&key.scopes) => Err(DenialReason::Permission),
        _ => Ok(()),
    }
}

fn denied(reason: DenialReason, token: &ParsedToken) -> Verdict {
    Verdict::Denied(Denial::new(reason, Some(token.id)))
}

fn reason_of(fault: TokenFault) -> DenialReason {
    match fault {
        TokenFault::Malformed => DenialReason::Malformed,
        TokenFault::Checksum => DenialReason::Checksum,
    }
}
