//! The whole database, looked at without a change to it.
//!
//! - [`report`]: what was found.
//! - [`look`]: the look itself.
//! - [`lists`]: whether every key stands in the tables that listings are made
//!   from, and nothing else does.

mod lists;
mod look;
mod report;

pub(super) use look::check;
pub use report::CheckReport;
