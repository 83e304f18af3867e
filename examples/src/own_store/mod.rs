//! A store of one's own, and how it is found to be one.
//!
//! Portcullis asks a database for little: three traits of
//! [`portcullis::store`]. [`OwnStore`] implements them over plain maps, as
//! shortly as they can be, to be read beside the traits' documentation by
//! whoever has a database that Portcullis does not know:
//!
//! - [`OwnStore`]: the traits. A read looks at one snapshot and answers with
//!   the head of that very snapshot; a write is made on a copy that takes the
//!   place of the whole, or is dropped. A database's transactions do both.
//! - `tables`: what is kept, and what the steps of a change do to it.
//! - `listing`: pages of keys, and the positions between them.
//! - `usage`: the counters.
//!
//! That the promises hold is not for the author to believe. The feature
//! `conformance` has the rules that every store passes, and a comparison with a
//! model over random operations; this module's tests run both:
//!
//! ```no_run
//! use portcullis::store::conformance;
//! use portcullis_examples::own_store::OwnStore;
//!
//! # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! conformance::run(async || OwnStore::default()).await.expect("every rule holds");
//! conformance::compare(OwnStore::default(), 1, 2_000).await.expect("the same answers");
//! # });
//! ```

mod listing;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod usage;

pub use store::OwnStore;
