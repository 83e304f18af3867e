//! `portcullis config`: what the file says, and whether it may.

mod check;
mod command;

pub(super) use command::{ConfigCommand, run};
