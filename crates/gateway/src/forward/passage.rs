use std::net::SocketAddr;

use http::HeaderMap;

use crate::path::CanonicalPath;

/// What the gateway found out about a request before it may pass.
#[derive(Clone, Debug)]
pub struct Passage {
    /// Where it goes; the same value that was routed and authorized.
    pub path: CanonicalPath,
    /// The peer of the connection, for `Forwarded` and `X-Forwarded-For`.
    pub peer: Option<SocketAddr>,
    /// Fields that are set last of all, each in place of what bears its name: the identity fields.
    pub identity: HeaderMap,
}
