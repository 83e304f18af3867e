//! How often keys are used, and when last.
//!
//! Counters live in memory, one cell per key that is shared by all generations
//! of its cache entry, and are written behind: gathered into one numbered
//! [`UsageBatch`] that is sent until it is acknowledged, so that a retry counts
//! once. What followed the last acknowledged batch is lost with the process.

mod batch;
mod cell;
mod flusher;
mod table;

pub use batch::{NodeId, Usage, UsageBatch, UsageDelta};
pub(crate) use cell::UsageCell;
pub(crate) use flusher::Flusher;
pub(crate) use table::UsageTable;
