//! The suite that every store passes, a user's own as well.
//!
//! Whoever implements the traits of [`store`](super) turns on the feature
//! `conformance` for their tests alone, and calls [`run`] from one of them with
//! a closure that makes a fresh, empty store. Each rule is a sentence with a
//! name, and what is broken is told by it:
//!
//! ```
//! use portcullis_core::store::{MemoryStore, conformance};
//!
//! # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! // Your own store in the place of this one, over an empty database each time.
//! let outcome = conformance::run(async || MemoryStore::new()).await;
//! outcome.expect("every rule holds");
//! # });
//! ```
//!
//! Rules are examples. [`compare`] goes further: it draws random operations,
//! those that must fail among them, and holds every answer of the store against
//! that of a model. One seed draws the same operations again, and a
//! [`Difference`] tells the last ones that led to it:
//!
//! ```
//! # use portcullis_core::store::{MemoryStore, conformance};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut met = conformance::Tally::default();
//! for seed in 0..5 {
//!     let outcome = conformance::compare(MemoryStore::new(), seed, 1_000).await;
//!     met.add(&outcome.unwrap_or_else(|difference| panic!("{difference}")));
//! }
//! // What was compared is worth something only if it was met.
//! assert!(met.of("create_key", "quota_reached") > 0);
//! # });
//! ```
//!
//! Both concern one handle on one store. What only a durable store can show
//! (that an acknowledged change survives, that a second process sees it, that a
//! replaced file is noticed) its own tests must. A [`Driver`] makes changes for
//! them, lists keys and verifies the audit chain:
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis_core::service::ServiceName;
//! use portcullis_core::store::conformance::{Driver, key, service};
//! use portcullis_core::store::{AuditHead, MemoryStore};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # async fn show() -> Result<(), Box<dyn std::error::Error>> {
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//!
//! let driver = Driver::new(Arc::new(MemoryStore::new()))?;
//! driver.create_service(service(ORDERS, 10)).await?;
//! let key = key(ORDERS, 0)?;
//! driver.create_key(key.clone()).await?;
//! // Here the database is closed and opened again, copied, or killed.
//! assert_eq!(driver.load(key.id).await?.key, Some(key));
//! let start = AuditHead { sequence: 0, mac: [0; 32] };
//! assert_eq!(driver.verify_chain(start).await?.sequence, 2);
//! # Ok(())
//! # }
//! # show().await.unwrap();
//! # });
//! ```
//!
//! In the repository, `examples/src/own_store` is a whole store of one's own
//! with its tests.

mod anchors;
mod audit;
mod broken;
mod changes;
mod commits;
#[cfg(test)]
mod defective;
mod draw;
mod drawn;
mod driver;
mod listing;
mod model;
mod pages;
mod quota;
mod records;
mod roots;
mod samples;
mod services;
mod steps;
mod suite;
#[cfg(test)]
mod tests;
mod usage;
mod walks;
mod whole;

pub use broken::{Broken, BrokenRule, Fault};
pub use driver::Driver;
pub use model::{Difference, Tally, compare};
pub use samples::{at, key, service};
pub use suite::{rules, run};
