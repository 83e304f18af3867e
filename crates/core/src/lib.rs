//! API keys for services: issue, validate, rotate, revoke.
//!
//! This crate is the core of Portcullis. It knows no HTTP and no database: a
//! door (a tower layer, a gateway) asks it for a [`Verdict`], and a [`store`]
//! keeps what it knows.
//!
//! - [`manager::KeyManager`] is what an application holds. It issues keys and
//!   answers, for each presented token, with a [`Verdict`].
//! - [`token`] is the printed string, [`key`] the record behind it, [`keyring`]
//!   the secret from which every digest derives.
//! - [`scope`] says what a key may do, [`limits`] how often.
//! - [`audit`] is the tamper-evident trail of every change, [`usage`] the
//!   counts of every use.
//! - [`text`] shows what others wrote without what hides or reorders it.
//! - [`store`] holds the traits that a durable store implements.

// `tests/interleavings` builds this crate anew, and none of its own tests.
#![cfg(not(all(shuttle, test)))]

pub mod audit;
mod cache;
pub mod clock;
pub mod context;
pub mod error;
pub mod grant;
mod json;
pub mod key;
pub mod keyring;
pub mod limits;
pub mod manager;
pub mod scope;
pub mod service;
pub mod store;
mod sync;
pub mod text;
pub mod token;
pub mod usage;
pub mod verdict;

pub use context::Context;
pub use error::{Error, ErrorKind, Invalid};
pub use grant::Grant;
pub use manager::KeyManager;
pub use verdict::Verdict;
