//! The reverse proxy in front of the services that keys are issued for: as a library, and as the
//! program `portcullis`.
//!
//! A request's way through the parts that know nothing of keys: [`server`] takes the connection,
//! [`path`] makes the one path that is routed, authorized and forwarded, [`forward`] sets the
//! [`headers`] and streams the [`body`], [`upstream`] answers.

pub mod body;
pub mod cli;
pub mod config;
mod deadline;
pub mod forward;
pub mod gateway;
pub mod headers;
pub mod listeners;
mod live;
mod operations;
pub mod path;
mod problem;
mod route;
pub mod server;
pub mod setting;
mod stack;
mod stamp;
pub mod telemetry;
pub mod upstream;
#[cfg(test)]
mod wire;
