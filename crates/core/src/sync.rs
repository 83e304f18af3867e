//! Where requests meet: the standard library's types, or, under `cfg(shuttle)`,
//! shuttle's, which let a test decide who comes first at each of their uses.
//!
//! Only `tests/interleavings` sets that cfg, and builds this crate anew with it.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, PoisonError, atomic};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError, atomic};

/// Into how many parts something is split for which `many` are good. A
/// scheduler that steps through each of them has enough in a few.
pub(crate) const fn parts(many: usize) -> usize {
    if cfg!(shuttle) { many / 16 } else { many }
}
