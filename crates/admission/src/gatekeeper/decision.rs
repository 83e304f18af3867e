use std::time::Duration;

use portcullis_core::Grant;
use portcullis_core::verdict::{Denial, Unavailability};

use crate::engine::Allowance;

/// The gatekeeper's answer to one request.
///
/// Exhaustive on purpose: a catch-all arm is where a gate comes to stand open.
#[derive(Debug, Clone)]
pub enum Decision {
    /// The request may pass.
    Admitted(Admission),
    /// The token is not good for what is guarded.
    Refused(Denial),
    /// The token is good, and was used too often.
    Throttled(Throttle),
    /// Nobody can say now.
    Unavailable(Unavailability),
}

/// That a request may pass, whose it is, and what remains.
#[derive(Debug, Clone)]
pub struct Admission {
    grant: Grant,
    allowance: Option<Allowance>,
}

impl Admission {
    pub(super) fn new(grant: Grant, allowance: Option<Allowance>) -> Self {
        Self { grant, allowance }
    }

    /// Proof that the token was found good.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Proof that the token was found good, to hand on.
    #[must_use]
    pub fn into_grant(self) -> Grant {
        self.grant
    }

    /// What the key's rate leaves; nothing where it has no rate.
    #[must_use]
    pub fn allowance(&self) -> Option<Allowance> {
        self.allowance
    }
}

/// That a good token was used too often, and from when on it passes again.
#[derive(Debug, Clone)]
pub struct Throttle {
    grant: Grant,
    allowance: Allowance,
}

impl Throttle {
    pub(super) fn new(grant: Grant, allowance: Allowance) -> Self {
        Self { grant, allowance }
    }

    /// Whose request was turned away.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The rate that was exceeded, with nothing remaining.
    #[must_use]
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// How long to wait until a request passes that nobody else takes. Never
    /// shorter than true.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.allowance.until_next()
    }
}
