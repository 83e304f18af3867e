//! What the gateway tells of itself: structured logs on standard error, and metrics in
//! Prometheus' text format.
//!
//! Neither knows a secret: tokens are never fields of an event, and labels come from the
//! configuration, never from a request.

mod causes;
mod error;
mod logs;
mod metrics;
pub mod names;
mod redacted;

pub(crate) use causes::Causes;
pub use error::TelemetryError;
pub use logs::{LogFormat, LogLevel, init_logs};
pub use metrics::Metrics;
