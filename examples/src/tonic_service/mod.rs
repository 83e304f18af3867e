//! A gRPC server with tonic, and a client that is told in gRPC's own words.
//!
//! The service is gRPC's own health check, because tonic has it generated: no
//! `.proto` and no code generator are needed here. Its `Check` answers who
//! asked, in the metadata `owner`. [`command`] is a curl line that asks it.

mod checks;
mod command;
mod run;

pub use checks::Checks;
pub use command::command;
pub use run::run;

#[cfg(test)]
mod tests;
