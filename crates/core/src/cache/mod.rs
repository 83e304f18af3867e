//! What stands in front of the store, and never lies about it.
//!
//! Every cached record carries the [`Stamp`] of the snapshot in which it was
//! read, and every use passes the [`Gate`]: a record that is older than the
//! last change known for it is read again. How long a node may go on without
//! hearing from the store is [`Freshness`]'s to say.

mod asker;
mod entry;
mod freshness;
mod gate;
mod keys;
mod loads;
mod rereads;
mod services;
mod turns;
mod witness;

pub(crate) use asker::Asker;
pub(crate) use entry::{Entry, Found, SecretMatch};
pub(crate) use freshness::Freshness;
pub(crate) use gate::{Epoch, Gate, Stamp};
pub(crate) use keys::{Absent, Cached, KeyCache};
pub(crate) use loads::{Joined, Loads, Unread};
pub(crate) use rereads::{Reread, Rereads};
pub(crate) use services::{ServiceCache, ServiceTable};
pub(crate) use witness::Witness;
