//! The long-lived record behind a token.
//!
//! A [`Key`] has a stable [`KeyId`], belongs to one service and one
//! [`Environment`], and has one to four [`Secret`]s: rotation adds one and
//! sets an end to the others, while id and history stay.

mod addresses;
mod environment;
mod filter;
mod id;
mod metadata;
mod names;
mod record;
mod secret;

pub use addresses::Addresses;
pub use environment::{Environment, Environments};
pub use filter::{KeyFilter, LastUsed, NamePart, Span};
pub use id::KeyId;
pub use metadata::Metadata;
pub use names::{Author, KeyName, Note, Owner, RevocationReason};
pub use record::{Key, KeyState, KeyStatus, Revocation};
pub use secret::{Digest, Secret};
