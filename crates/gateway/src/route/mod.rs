//! From a request to the route that it belongs to, and on to where that leads.
//!
//! [`Router`] makes the one host and the one canonical path, finds the route by them in the
//! [`Routing`], and hands the request to the route's [`Door`](DoorLayer); behind that stands its
//! [`Action`].

mod action;
mod by_method;
mod condition;
mod cors;
mod door;
mod edited;
mod fixed;
mod host;
mod matching;
mod meta;
mod metrics;
mod order;
mod pattern;
mod redirect;
mod rewrite;
mod router;
mod routing;
#[cfg(test)]
mod tests;
mod to_upstream;
mod tree;

pub(crate) use action::Action;
pub(crate) use by_method::ByMethod;
pub(crate) use condition::{HeaderCondition, MethodSet};
pub(crate) use cors::{CorsDoor, CorsPlan};
pub(crate) use door::{Door, DoorLayer, OpenDoor, Passed};
pub(crate) use edited::{Edited, EditedLayer};
pub(crate) use fixed::FixedResponse;
pub(crate) use host::{HostPattern, RequestHost};
pub(crate) use matching::Matching;
pub(crate) use meta::{Fate, GuardTerms, LivePolicy, RouteMeta};
pub(crate) use order::{ConflictKind, conflicts};
pub(crate) use pattern::{InvalidPattern, PathPattern, PatternText, Reach, SegmentPattern};
pub(crate) use redirect::{Redirect, RedirectTarget};
pub(crate) use rewrite::{PathRewrite, PathTemplate, UnknownParameter};
pub(crate) use router::Router;
pub(crate) use routing::{Found, Routing};
pub(crate) use to_upstream::{Handing, ToUpstream};
