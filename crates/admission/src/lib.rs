//! Rate limits, and the one decision: may this request with this key pass now?
//!
//! A [`Gatekeeper`] holds a key manager and a [`Limiter`], and answers each
//! presented token with a [`Decision`]: admitted, refused, throttled, or
//! unavailable. It knows no HTTP. Every door (a tower layer, a gateway) of a
//! process shares one, so that there is one set of limits however many doors
//! there are.
//!
//! ```
//! use portcullis_admission::{Decision, Gatekeeper};
//! use portcullis_core::Context;
//! use portcullis_core::service::ServiceName;
//! use portcullis_core::token::Presented;
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//!
//! async fn greet(gate: &Gatekeeper, token: &[u8]) -> String {
//!     match gate.decide(Presented::new(token), &Context::new(&ORDERS)).await {
//!         Decision::Admitted(admission) => format!("welcome, {}", admission.grant().owner()),
//!         Decision::Refused(_) => "no".to_owned(),
//!         Decision::Throttled(throttle) => format!("again in {:?}", throttle.retry_after()),
//!         Decision::Unavailable(_) => "nobody can say".to_owned(),
//!     }
//! }
//! ```
//!
//! - The rates are those of [`Rate`](portcullis_core::limits::Rate), enforced
//!   by governor's generic cell rate algorithm over state of our own.
//! - The limiter's table owns that state, bounded and with lossless expiry.
//!
//! # Metrics
//!
//! | name | what |
//! |---|---|
//! | `portcullis_admission_total{outcome}` | decisions: `admitted`, `refused`, `throttled`, `unavailable` |
//! | `portcullis_limiter_entries` | keys whose use is remembered |
//! | `portcullis_limiter_evictions_total` | keys that were forgotten before their recovery |
//!
//! The first goes to the recorder that is installed when the gatekeeper is made.

mod engine;
mod gatekeeper;
mod limiter;

pub use engine::Allowance;
pub use gatekeeper::{
    Admission, AdmissionStats, Attempt, Decision, Gatekeeper, PendingDecision, Throttle,
};
pub use limiter::{Limiter, LimiterConfig, LimiterStats};
