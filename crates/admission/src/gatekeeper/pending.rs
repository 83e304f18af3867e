use std::fmt;

use portcullis_core::Context;
use portcullis_core::manager::PendingValidation;

use super::{Decision, Gatekeeper};

/// What [`Gatekeeper::try_decide`] came to without waiting.
///
/// Exhaustive on purpose, as [`Decision`] is.
#[derive(Debug)]
pub enum Attempt {
    /// The key was cached.
    Decided(Decision),
    /// The key must be looked up.
    Pending(PendingDecision),
}

/// A decision that waits for a look-up. It borrows nothing.
#[must_use = "a decision that is not awaited lets nobody in and counts nothing"]
pub struct PendingDecision {
    gate: Gatekeeper,
    validation: PendingValidation,
}

impl PendingDecision {
    pub(super) fn new(gate: Gatekeeper, validation: PendingValidation) -> Self {
        Self { gate, validation }
    }

    /// Looks the key up and decides. `context` is what the attempt was made
    /// with.
    pub async fn resolve(self, context: &Context<'_>) -> Decision {
        let verdict = self.validation.resolve(context).await;
        self.gate.conclude(verdict)
    }
}

impl fmt::Debug for PendingDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingDecision").finish_non_exhaustive()
    }
}
