//! How often keys are used, and when last.
//!
//! Counters live in memory, one cell per secret that is shared by all
//! generations of its key's cache entry, and are written behind: gathered into
//! one numbered [`UsageBatch`] that is sent until it is acknowledged, so that a
//! retry counts once. A flush is one write, and of more than 10,000 secrets one
//! for each 10,000. What followed the last acknowledged batch is lost with the
//! process.

mod address;
mod batch;
mod cell;
mod flusher;
mod table;

pub use address::AddressClass;
pub use batch::{KeyUsage, NodeId, Refusals, SecretUsage, Usage, UsageBatch, UsageDelta};
pub(crate) use cell::{RefusalClass, UsageCell};
pub(crate) use flusher::Flusher;
pub(crate) use table::UsageTable;
