use std::sync::Arc;

use crate::cache::{Cached, Entry, SecretMatch, ServiceTable};
use crate::clock::Moment;
use crate::context::Context;
use crate::grant::Grant;
use crate::key::{KeyState, Secret};
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
        match shared.validate_cached(&token, context) {
            Some(verdict) => {
                Counters::add(&shared.counters.cache_hits);
                Validation::Decided(shared.decided(verdict, context))
            }
            None => {
                Counters::add(&shared.counters.cache_misses);
                Validation::Pending(PendingValidation {
                    shared: Arc::clone(shared),
                    token,
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
        let verdict = self.shared.validate_stored(&self.token, context).await;
        self.shared.decided(verdict, context)
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
    ) -> Option<Verdict> {
        let now = self.clock.now();
        if self.freshness.age(now) > self.config.max_staleness {
            return None;
        }
        let cached = self.keys.find(token.id)?;
        if !self.gate.passes_key(token.id, cached.stamp()) {
            return None;
        }
        let Cached::Present(entry) = cached else {
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
            // Only what we issued ourselves may make the store work.
            Judgement::Mismatch => {
                if self.keyring.issued(token) && self.rereads.claim(token.id, now) {
                    Counters::add(&self.counters.rereads);
                    None
                } else {
                    Some(denied(DenialReason::Secret, token))
                }
            }
        }
    }

    /// Decides by what the store says now.
    async fn validate_stored(
        self: &Arc<Self>,
        token: &ParsedToken,
        context: &Context<'_>,
    ) -> Verdict {
        // Strangers' inventions end here, before any look-up.
        if !self.keyring.issued(token) {
            return denied(DenialReason::Tag, token);
        }
        for attempt in 0..=RETRIES {
            if attempt > 0 {
                Counters::add(&self.counters.gate_retries);
            }
            let services = match self.fresh_services().await {
                Ok(services) => services,
                Err(cause) => return self.unavailable(cause),
            };
            let cached = match self.load_key(token.id).await {
                Ok(cached) => cached,
                Err(cause) => return self.unavailable(cause),
            };
            // A read that was under way when the record changed brings back
            // what no longer counts, for those who joined it as well.
            if !self.gate.passes_key(token.id, cached.stamp()) {
                continue;
            }
            let Cached::Present(entry) = cached else {
                return denied(DenialReason::Unknown, token);
            };
            match self.judge(token, &entry, &services, context, self.clock.now()) {
                Judgement::Verdict(verdict) => return verdict,
                Judgement::Mismatch => return denied(DenialReason::Secret, token),
                // The key is of a service younger than the table: read again.
                Judgement::NoService => self.gate.need_services(entry.stamp()),
            }
        }
        self.unavailable(UnavailableCause::Contended)
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
