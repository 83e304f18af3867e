//! The suite that every store passes.
//!
//! Whoever implements the traits of [`store`](super) calls [`run`] from a test
//! of their own, with a closure that makes a fresh, empty store:
//!
//! ```
//! use portcullis_core::store::{MemoryStore, conformance};
//!
//! # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! conformance::run(async || MemoryStore::new()).await.expect("every rule holds");
//! # });
//! ```
//!
//! The rules that concern one handle on one store are here. What only a durable
//! store can show (that an acknowledged change survives, that a second process
//! sees it, that a replaced file is noticed) its own tests must: a [`Driver`]
//! makes changes for them.

mod audit;
mod broken;
mod changes;
mod commits;
mod driver;
mod pages;
mod quota;
mod records;
mod suite;
#[cfg(test)]
mod tests;
mod usage;

pub use broken::{Broken, BrokenRule, Fault};
pub use driver::{Driver, at, key, service};
pub use suite::{rules, run};
