//! Durable stores for [`portcullis_core`].
//!
//! A store keeps what the manager knows: services, keys, their use and the
//! audit trail. Each implements the traits of
//! [`portcullis_core::store`] and passes its conformance suite; which of them
//! are built is chosen by features.
//!
//! - `sqlite` (default): [`SqliteStore`], one file, nothing to run beside it.
//!
//! # Metrics
//!
//! `portcullis_store_checkpoints_total{outcome}` counts attempts to empty the
//! log: `done`, `held` (somebody reads from it) or `failed`. What is read and
//! written is counted by the manager, in `ManagerStats`.

#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use sqlite::{BackupReport, CheckReport, SqliteStore};

#[cfg(all(feature = "sqlite", any(test, feature = "testing")))]
pub use sqlite::sample;
