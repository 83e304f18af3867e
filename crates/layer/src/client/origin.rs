use std::net::IpAddr;

use http::header::HeaderValue;
use http::uri::{Authority, Scheme};

/// From where a request came, and what it was there.
///
/// Made by [`TrustedProxies::origin`](super::TrustedProxies::origin).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientOrigin {
    /// The client: the first address on the way back that is not trusted.
    pub client: IpAddr,
    /// Whether the peer is a trusted proxy. What follows is nothing otherwise.
    pub is_trusted: bool,
    /// The scheme by which the client asked.
    pub scheme: Option<Scheme>,
    /// The host that the client asked for, with its port if one was told.
    pub host: Option<Authority>,
    /// The entries of the field that is read, from the client's own on. What
    /// stands before it is what a stranger says.
    pub chain: Option<HeaderValue>,
}
