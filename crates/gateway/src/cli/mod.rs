//! The program `portcullis`: what its arguments are, and what each command does.
//!
//! Every command that touches keys opens what the configuration names, does its one thing, and
//! closes it again; a gateway that runs on the same database notices within its poll interval.
//! Results go to standard output, all else to standard error. Tokens are never arguments: they
//! would stand in the process list and in the shell's history.

mod actor;
mod args;
mod audit;
mod backup;
mod check;
mod checked;
mod config;
mod dto;
mod error;
mod exit;
mod global;
mod hang_ups;
mod init;
mod input;
mod interrupt;
mod keyring;
mod keys;
mod output;
mod patch;
mod program;
mod quickstart;
mod serve;
mod services;
mod session;
mod shutdown;
mod standard_output;
#[cfg(test)]
mod tests;
mod when;

pub use exit::Exit;
pub use program::main;
