//! `portcullis keys`: one file for each thing that can be done to a key.

mod change;
mod command;
mod create;
mod describe;
mod list;
mod rotate;
mod token_source;
mod verify;

#[cfg(test)]
pub(super) use command::perform;
pub(super) use command::{KeysCommand, run};
