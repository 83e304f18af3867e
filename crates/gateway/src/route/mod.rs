//! From a request to the route that it belongs to, and on to where that leads.
//!
//! [`Router`] makes the one host and the one canonical path, finds the route by them in the
//! [`Routing`], and hands the request to the route's service; [`ToUpstream`] stands behind its
//! guard and forwards what that let pass.

mod condition;
mod host;
mod matching;
mod meta;
mod metrics;
mod order;
mod pattern;
mod router;
mod routing;
#[cfg(test)]
mod tests;
mod to_upstream;
mod tree;

pub(crate) use condition::{HeaderCondition, MethodSet};
pub(crate) use host::{HostPattern, RequestHost};
pub(crate) use matching::Matching;
pub(crate) use pattern::{PathPattern, SegmentPattern};
pub(crate) use router::Router;
pub(crate) use routing::{Found, Routing};
pub(crate) use to_upstream::ToUpstream;
