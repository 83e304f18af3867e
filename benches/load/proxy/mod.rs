//! The three sides of the comparison.

mod bare;
mod gateway;
mod plain;
mod role;

pub(crate) use role::{Proxy, Role};
