//! The SQLite store: the common rules, and what only a file can show.

#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod backup;
mod check;
mod conformance;
mod crash;
mod damaged;
mod durability;
mod faults;
mod files;
mod locks;
mod migration;
mod model;
mod replaced;
mod robbed;
mod support;
mod unwritable;
