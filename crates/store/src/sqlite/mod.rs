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
//! - [`sums`], [`history`], [`log`], [`note`]: what tells a damaged file from a
//!   whole one: records, the head, the log, and what was acknowledged.
//! - [`error`], [`condition`]: what SQLite's errors mean, and the way back.
//! - [`check`], [`backup`]: the whole database, looked at and copied.

mod backup;
mod change;
mod check;
mod condition;
mod counters;
mod database;
mod error;
mod history;
mod identity;
mod link;
mod list;
mod log;
mod note;
#[cfg(test)]
mod plans;
mod quota;
mod read;
mod readers;
mod roots;
mod row;
mod schema;
mod store;
mod sums;
mod trail;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::BackupReport;
pub use check::CheckReport;
#[cfg(any(test, feature = "testing"))]
pub use list::sample;
pub use store::SqliteStore;
