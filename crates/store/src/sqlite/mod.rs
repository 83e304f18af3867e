//! The store in one SQLite file.
//!
//! One thread writes: it takes every change that waits, commits them together,
//! each in a savepoint of its own, and answers when the disk has them. A few
//! threads read, each over a connection of its own. Nothing here runs on the
//! caller's runtime but the wait for an answer.
//!
//! - [`store`]: the traits, as jobs for the threads.
//! - [`readers`], [`writer`]: the threads and their queues.
//! - [`read`], [`list`], [`trail`], [`change`], [`quota`], [`counters`],
//!   [`roots`]: what the jobs do, in SQL.
//! - [`row`]: rows into records and back.
//! - [`link`]: which file is open, and the change to another.
//! - [`database`], [`schema`], [`identity`]: a file's connections, its checks
//!   and migrations, and what tells it from another file at the same path.

mod change;
mod counters;
mod database;
mod error;
mod identity;
mod link;
mod list;
#[cfg(test)]
mod plans;
mod quota;
mod read;
mod readers;
mod roots;
mod row;
mod schema;
mod store;
mod trail;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub use list::sample;
pub use store::SqliteStore;
