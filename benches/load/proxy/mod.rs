//! The sides of the comparison that are ours.

mod bare;
mod gateway;
mod plain;
mod role;

pub(crate) use role::{Proxy, Role};
