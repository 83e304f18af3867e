//! `portcullis services`: one file for each thing that can be done to a service.

mod command;
mod create;
mod describe;
mod fields;
mod retire;
#[cfg(test)]
mod tests;
mod update;

#[cfg(test)]
pub(super) use command::perform;
pub(super) use command::{ServicesCommand, run};
