//! Connections that carry another protocol, once the upstream agreed to it.
//!
//! A tunnel is an answer whose body is what the upstream says ([`TunnelBody`]), so that all that
//! hangs on an answer goes on until the tunnel ends: its record in the access log, its place among
//! those that end with their key, its turn at the upstream. What the client says goes straight to
//! the [`UpstreamSide`]. The task of the client's connection moves both.

mod agreement;
mod body;
mod frames;
mod link;
mod metrics;
mod times;

pub(crate) use agreement::{AskedUpgrade, Switched, UpstreamSide};
pub(crate) use body::TunnelBody;
pub(crate) use link::Link;
pub(crate) use metrics::{OpenTunnel, TunnelEnd};
pub(crate) use times::TunnelIdle;
