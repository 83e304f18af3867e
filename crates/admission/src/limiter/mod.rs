//! Who owns the state of limits, how much of it there may be, and when it goes.

mod config;
mod handle;
mod shard;
mod table;

pub use config::LimiterConfig;
pub use handle::{Limiter, LimiterStats};
