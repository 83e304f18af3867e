use std::sync::Arc;

use crate::clock::Moment;
use crate::context::Context;
use crate::manager::KeyManager;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::token::{ParsedToken, Presented, TokenFault};
use crate::verdict::{Denial, DenialReason, Verdict};

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
    /// for a cached key always, unless the token matches none of its secrets.
    ///
    /// Takes no lock of its own and allocates nothing, but for the first use of
    /// a key after its TTL, which has it read again in the background; the first
    /// of a secret whose digest is to move, once another root was made current;
    /// and a token that matches none, for which the key may have to be read
    /// again.
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

impl Shared {
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
}

fn reason_of(fault: TokenFault) -> DenialReason {
    match fault {
        TokenFault::Malformed => DenialReason::Malformed,
        TokenFault::Checksum => DenialReason::Checksum,
    }
}
