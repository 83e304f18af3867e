//! The trail of every change: who, what, which key, from where.
//!
//! Events form a chain: each carries an HMAC over its sequence, the one before
//! and its own stored bytes, under the keyring's audit key. An event that was
//! altered, removed from the middle or put in breaks the chain. Never holds a
//! secret.

mod actor;
mod chain;
mod draft;
mod dto;
mod event;

pub use actor::Actor;
pub(crate) use chain::ChainCheck;
pub use chain::{AuditReport, AuditSeal};
pub(crate) use draft::EventDraft;
pub use event::{Action, AuditEvent, FieldChange};
