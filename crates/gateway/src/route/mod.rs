//! From a path to the service that it belongs to, and on to that service's upstream.
//!
//! [`Router`] makes the one canonical path, finds the service by it, and hands the request to what
//! guards that service; [`ToUpstream`] stands behind the guard and forwards what it let pass.

mod meta;
mod metrics;
mod router;
mod table;
#[cfg(test)]
mod tests;
mod to_upstream;

pub(crate) use meta::{Fate, GuardTerms, LivePolicy, RouteMeta};
pub(crate) use router::Router;
pub(crate) use table::RouteTable;
pub(crate) use to_upstream::ToUpstream;
