//! The trail of every change: who, what, which key, from where.
//!
//! Events form a chain: each carries an HMAC over its sequence, the one before
//! and its own stored bytes, under the keyring's audit key. An event that was
//! altered, removed from the middle or put in breaks the chain. Never holds a
//! secret.
//!
//! An [`Anchor`] is a signed place of the chain: where events were pruned, the
//! trail begins behind one. What is cut off at the end together with the stored
//! head no chain can tell: keep the [`AuditHead`](crate::store::AuditHead)
//! elsewhere, and verify with it.
//!
//! # When a root is gone
//!
//! What a root signed nobody can compute any more once it is retired and out of
//! the keyring: whoever can write to the store could change such an event, or
//! put that root's name on one that another root signed. So every event that
//! signs a place of the trail (an anchor, the retirement of a root) also tells
//! the trail's *content* up to there, as it was found by a walk over the whole:
//! SHA-256, running from event to event over all that is stored of each. Where a
//! root of the keyring signed that event, everything up to the place is proved
//! by it, whoever signed it.
//!
//! - An event of a root that the keyring lacks counts where such a proof covers
//!   it, and an event says that the root was retired. A retirement always brings
//!   the proof of what came before.
//! - Of several retirements each proves the earlier ones with the rest.
//! - Events that arrive between the walk and its signature lie behind the place,
//!   and are not covered. Those of the retiring root are anchored once more.
//! - A pruning tells the content up to the last event that goes. What is kept is
//!   computed from there on, and that start needs no proof of its own: there is
//!   no finding another one that leads to the same end. The event that tells it
//!   comes later, so that a walk may have to begin anew with what it found.
//! - In trails of earlier versions no event tells a content. There, events of
//!   roots that are gone are let pass behind an anchor, and counted as
//!   [unproven](AuditReport::unproven): only their place is known. The first
//!   place that is signed by this version names their roots, so that they stay
//!   unproven, and fixes what they are from then on. A trail in which a root of
//!   the keyring told a content is never judged so again.
//! - So a version that tells no content must not prune a trail in which one was
//!   told: what is kept could be compared with nothing, and that is a fault for
//!   good. Bring every node to this version before the first anchor, pruning or
//!   retirement by it.
//!
//! # What stands beside an event
//!
//! A store finds events by their time, service and key, which it keeps beside
//! their bytes. Neither chain nor content covers that: a walk compares it with
//! what the event says, so that none can be hidden from those who list them.

mod actor;
mod anchor;
mod chain;
mod content;
mod digits;
mod draft;
mod dto;
mod event;
mod gone;
mod head;
mod proof;
mod report;
mod seal;
mod signed;
#[cfg(test)]
mod tests;
mod told;

pub use actor::Actor;
pub use anchor::Anchor;
pub(crate) use chain::ChainCheck;
pub(crate) use content::Content;
pub(crate) use draft::EventDraft;
pub use event::{Action, AuditEvent, FieldChange, Outcome};
pub(crate) use proof::Start;
pub use report::{AuditReport, HeadCheck, Pruned};
pub use seal::AuditSeal;
pub use signed::SignedEvent;
pub(crate) use told::{CONTENT, PRUNED_THROUGH, RETIRED_ROOT, Told};
