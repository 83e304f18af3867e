//! Changes: every step of one, with its event, in the transaction of whoever
//! calls. An error undoes all of it, since the writer gives each change a
//! savepoint.
//!
//! A key whose record is damaged is ended by taking away its sum: whatever its
//! rows say, it is refused wherever it is read, and counts in no quota and under
//! no root. Whoever counts keys or secrets counts those that have a sum.
//!
//! - [`apply`]: the steps in order, and the head that they make.
//! - [`service`], [`key`], [`damaged`], [`roots`](super::roots), [`trail`]: what a
//!   step does.
//! - [`secrets`], [`entries`]: what a key has in other tables.

mod apply;
mod damaged;
mod entries;
mod key;
mod secrets;
mod service;
mod trail;

pub(super) use apply::apply;
#[cfg(test)]
pub(super) use key::STANDING;
