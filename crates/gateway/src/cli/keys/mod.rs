//! `portcullis keys`: one file for each thing that can be done to a key.

mod change;
mod command;
mod create;
mod create_many;
mod describe;
mod filter;
mod list;
mod revoke;
mod revoke_all;
mod rotate;
#[cfg(test)]
mod tests;
mod token_source;
mod update;
mod verify;

#[cfg(test)]
pub(super) use command::perform;
pub(super) use command::{KeysCommand, run};
pub(super) use revoke_all::{count, is_open};
