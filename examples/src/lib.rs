//! Programs that show Portcullis at work.
//!
//! ```text
//! cargo run -p portcullis-examples --bin axum-router
//! cargo run -p portcullis-examples --bin hyper-service -- --port 0 --dir /tmp/keys
//! ```
//!
//! Each opens a store in a folder (a temporary one where none is named), issues
//! a key, prints where it listens and a curl line that works, and runs until
//! Ctrl-C. What each shows is in its module: [`axum_router`],
//! [`hyper_service`], [`tonic_service`], and [`order_book`], a small application
//! with tests of its own. What all do before is in [`Setup`].
//!
//! [`own_store`] is no program: it shows how to write a store for a database of
//! one's own, and how to test that it is one.
//!
//! The programs are thin: a test can call `run` in its own process.

pub mod axum_router;
pub mod hyper_service;
mod options;
pub mod order_book;
pub mod own_store;
mod setup;
pub mod tonic_service;

pub use options::Options;
pub use setup::{ORDERS, Setup, Started};

/// Any error at all: the examples hand them to `main`.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
