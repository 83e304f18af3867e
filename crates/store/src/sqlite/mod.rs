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
//! - [`database`], [`occasion`], [`connection`], [`schema`], [`identity`],
//!   [`owner`], [`access`]: a file's connections, its checks and migrations, what
//!   tells it from another file at the same path, whose the files beside it are,
//!   and whether they may be written.
//! - [`sums`], [`history`], [`log`], [`note`]: what tells a damaged file from a
//!   whole one: records, the head, the log, and what was acknowledged.
//! - [`error`], [`condition`], [`checkpoint`]: what SQLite's errors mean, the way
//!   back, and the log's way into the file.
//! - [`check`], [`backup`], [`target`], [`leftovers`], [`way`]: the whole database, looked at
//!   and copied without a change to it.
//!
//! # Which damage is found by what
//!
//! Whatever is refused stays as it is; of what is used, no key counts that was
//! revoked, disabled or rotated away.
//!
//! | damage | found by | when | answer |
//! |---|---|---|---|
//! | another program's file, a newer schema | header (`application_id`, `user_version`) | opening, copy, check | foreign, newer |
//! | a header that is gone, an unended journal beside it | header, journal's first bytes | opening | corrupt |
//! | the end of the log cut off, the log gone, an older copy in place | note (`-head`) | opening, copy, check | corrupt, until the note is removed |
//! | an older copy of an older schema | note | before it is migrated | the same |
//! | the same without the note | nothing, unless its rest does not agree | | an exported audit head shows it |
//! | a frame of the log with commits behind it, the log's header | log's sums | opening, copy, check | corrupt |
//! | the log of another database | birth, in the head row | opening | corrupt |
//! | a log that is read while it is written to | two readings that differ | opening, check | busy |
//! | the log taken away while in use | device and inode at each poll and commit | in use | moved into the file from what is open; changes are refused until that is done |
//! | another log in its place, the file gone and back | the same, then the note | in use | used with all that was acknowledged, corrupt else |
//! | the log emptied in place while in use | short reads | in use | unavailable; corrupt at the next opening |
//! | another file in its place | device and inode | in use | it counts; pollers are told that the history diverged |
//! | an altered bit of a key, its secrets, a service | record's sum (`key_sums`, `service_sums`) | each read and change | corrupt: this record alone; listings name it and go on |
//! | pages of another moment | sum of all sums and newest change and event, against the head row | opening | corrupt |
//! | a trail without its newest events, or any | newest event against the head row | opening | corrupt |
//! | an event altered, removed or added further up | chain ([`verify_audit`](portcullis_core::KeyManager::verify_audit)) | asked for | the fault's place |
//! | pages, cells and indices that do not fit | SQLite, when it reads them; all by check | each read; asked for | corrupt |
//! | keys missing in the tables that listings are made from, or there as what they are not | check: entries against keys | asked for | named by id |
//! | counters of use missing or left over, quotas' counts | check | asked for | named |
//! | a table that is missing | schema | opening | corrupt |
//! | a wrong keyring | check values (`roots`) | the manager's start | keyring |
//!
//! Sums are no signatures: whoever can write to the file can write them as well.
//! What they find is damage; what somebody did on purpose the chain tells, whose
//! key is not in the file.

mod access;
mod backup;
mod change;
mod check;
mod checkpoint;
mod condition;
mod connection;
mod counters;
mod database;
mod error;
mod history;
mod identity;
mod leftovers;
mod link;
mod list;
mod log;
mod note;
mod occasion;
mod owner;
#[cfg(test)]
mod plans;
mod quota;
mod read;
mod readers;
mod roots;
mod row;
mod schema;
mod standing;
mod store;
mod sums;
mod target;
mod trail;
mod way;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::BackupReport;
pub use check::CheckReport;
#[cfg(any(test, feature = "testing"))]
pub use list::sample;
pub use store::SqliteStore;
