//! Keys to measure listings by: tests and benches have the same.
//!
//! - [`Sample`]: a database of any size, whose pages are counted in steps of
//!   SQLite's virtual machine.
//! - [`filters`]: what its keys are listed by.
//! - [`keys`]: what they are.

mod filters;
mod keys;
mod measure;
mod steps;

pub use filters::{Filter, combinations, parts};
pub use steps::Sample;

/// Why a sample could not be made or measured.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
