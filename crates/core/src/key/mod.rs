//! The long-lived record behind a token.
//!
//! A [`Key`] has a stable [`KeyId`], belongs to one service and one
//! [`Environment`], and has one to four [`Secret`]s: rotation adds one and
//! sets an end to the others, while id and history stay.

mod environment;
mod id;
mod names;
mod record;
mod secret;

pub use environment::{Environment, Environments};
pub use id::KeyId;
pub use names::{KeyName, Owner, RevocationReason};
pub use record::{Key, KeyState, KeyStatus, Revocation};
pub use secret::{Digest, Secret};
