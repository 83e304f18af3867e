//! The manager's verdict and the limits, as one decision.

mod counts;
mod decision;
mod handle;
mod pending;

pub use counts::AdmissionStats;
pub use decision::{Admission, Decision, Throttle};
pub use handle::Gatekeeper;
pub use pending::{Attempt, PendingDecision};

#[cfg(test)]
mod tests;
