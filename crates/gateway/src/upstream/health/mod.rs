//! Who of an upstream's addresses gets requests.
//!
//! Two judges, each with a say of its own. The requests themselves ([`Ejector`]): an address at
//! which several fail one after the other is left out for a while, then gets one on trial, and the
//! others again once that one is answered. And questions beside them ([`active`]): an address that
//! answers badly is down until it answers well, which ends an ejection too.
//!
//! Faults of clients count for nothing. No more than a share of the addresses is ejected, and where
//! none is left all of them are asked: a judge that sees nothing good is more likely wrong than
//! right.

pub(super) mod active;
mod condition;
mod ejection;

pub(super) use condition::{Condition, Health, Usable};
pub(super) use ejection::{Ejector, Severity};
