//! Commands about the audit trail: read it, export it, verify, anchor and prune it.

mod command;
mod export;
mod filter;
mod list;
mod prune;
mod verify;

#[cfg(test)]
pub(super) use command::perform;
pub(super) use command::{AuditCommand, run};
