//! The trail of every change: who, what, which key, from where.
//!
//! Events form a chain: each carries an HMAC over its sequence, the one before
//! and its own stored bytes, under the keyring's audit key. An event that was
//! altered, removed from the middle or put in breaks the chain. Never holds a
//! secret.
//!
//! An [`Anchor`] is a signed place of the chain. Where events were pruned, the
//! trail begins behind one; and events whose root is retired rest on the first
//! one behind them. What is cut off at the end together with the stored head
//! no chain can tell: keep the [`AuditHead`](crate::store::AuditHead) elsewhere,
//! and verify with it.

mod actor;
mod anchor;
mod chain;
mod draft;
mod dto;
mod event;
mod head;
mod report;
mod seal;
mod signed;
#[cfg(test)]
mod tests;

pub use actor::Actor;
pub use anchor::Anchor;
pub(crate) use anchor::{PRUNED_THROUGH, RETIRED_ROOT};
pub(crate) use chain::ChainCheck;
pub(crate) use draft::EventDraft;
pub use event::{Action, AuditEvent, FieldChange, Outcome};
pub use report::{AuditReport, HeadCheck, Pruned};
pub use seal::AuditSeal;
pub use signed::SignedEvent;
