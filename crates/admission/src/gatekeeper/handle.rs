use std::fmt;
use std::sync::Arc;

use portcullis_core::manager::Validation;
use portcullis_core::token::Presented;
use portcullis_core::{Context, Error, Grant, KeyManager, Verdict};

use super::counts::Counts;
use super::{Admission, AdmissionStats, Attempt, Decision, PendingDecision, Throttle};
use crate::limiter::Limiter;

/// Manager and limits together: one decision a request.
///
/// Cheap to clone. All doors of a process share one, and with it one set of
/// limits. Its counters go to the recorder of the `metrics` crate that is
/// installed when it is made.
#[derive(Clone)]
pub struct Gatekeeper {
    inner: Arc<Inner>,
}

struct Inner {
    manager: KeyManager,
    limiter: Limiter,
    counts: Counts,
}

impl Gatekeeper {
    /// A gatekeeper over the keys of `manager` and the limits of `limiter`.
    #[must_use]
    pub fn new(manager: KeyManager, limiter: Limiter) -> Self {
        let counts = Counts::new();
        Self {
            inner: Arc::new(Inner {
                manager,
                limiter,
                counts,
            }),
        }
    }

    /// Whose keys are let through.
    #[must_use]
    pub fn manager(&self) -> &KeyManager {
        &self.inner.manager
    }

    /// What each key has used of its rate.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.inner.limiter
    }

    /// What was decided since the gatekeeper was made.
    #[must_use]
    pub fn stats(&self) -> AdmissionStats {
        self.inner.counts.stats()
    }

    /// Decides at once where the key is cached: no lock of ours, no
    /// allocation, no wait, but where
    /// [`KeyManager::try_validate`](portcullis_core::KeyManager::try_validate)
    /// says so, and where a key that was read anew finds what it used of its
    /// rate. Otherwise hands back what is to be awaited.
    pub fn try_decide(&self, presented: Presented<'_>, context: &Context<'_>) -> Attempt {
        match self.inner.manager.try_validate(presented, context) {
            Validation::Decided(verdict) => Attempt::Decided(self.conclude(verdict)),
            Validation::Pending(pending) => {
                Attempt::Pending(PendingDecision::new(self.clone(), pending))
            }
        }
    }

    /// Decides, with a look-up where the key is not cached.
    ///
    /// Validation comes first: a request that is refused takes nothing from
    /// any limit.
    pub async fn decide(&self, presented: Presented<'_>, context: &Context<'_>) -> Decision {
        match self.try_decide(presented, context) {
            Attempt::Decided(decision) => decision,
            Attempt::Pending(pending) => pending.resolve(context).await,
        }
    }

    /// Writes what was counted, before the process ends. The manager's
    /// background tasks end with its last handle.
    ///
    /// # Errors
    ///
    /// Those of [`KeyManager::shutdown`].
    pub async fn shutdown(&self) -> Result<(), Error> {
        self.inner.manager.shutdown().await
    }

    pub(super) fn conclude(&self, verdict: Verdict) -> Decision {
        let decision = match verdict {
            Verdict::Granted(grant) => self.admit(grant),
            Verdict::Denied(denial) => Decision::Refused(denial),
            Verdict::Unavailable(unavailability) => Decision::Unavailable(unavailability),
        };
        self.inner.counts.count(&decision);
        decision
    }

    fn admit(&self, grant: Grant) -> Decision {
        match self.inner.limiter.admit(&grant) {
            Ok(allowance) => Decision::Admitted(Admission::new(grant, allowance)),
            Err(allowance) => {
                grant.record_throttled();
                tracing::debug!(
                    key = %grant.key_id(),
                    service = %grant.service(),
                    rate = %allowance.rate(),
                    "a request was throttled"
                );
                Decision::Throttled(Throttle::new(grant, allowance))
            }
        }
    }
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatekeeper")
            .field("limiter", &self.inner.limiter)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
