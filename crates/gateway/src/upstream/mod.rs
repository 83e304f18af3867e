//! The servers behind the gateway.
//!
//! [`Upstream`] is the seam: a request goes in, a response or an [`UpstreamError`] comes out.
//! [`HttpUpstream`] is the one there is, HTTP/1.1 over a pool of kept connections, in the clear or in
//! TLS.
//!
//! Who waits for what, and for how long ([`UpstreamConfig`]): its turn for `wait_timeout`, where
//! the upstream has as many requests as it may; a connection for `connect_timeout`, its handshake included; the head of the
//! response for `response_timeout`, counted from the last that the upstream took of the request,
//! and not while the client is what holds the request up; the next chunk of a body, either way, for
//! `body_timeout`.
//!
//! A request is sent again only where nothing can be done twice: one of which nothing was sent,
//! because the kept connection turned out to be closed; and, once, one with an idempotent method
//! (RFC 9110 section 9.2.2) and no body, on whose connection no whole head of an answer came.
//!
//! An answer that is over ends its exchange. Its connection is used again only where nothing about
//! it is in doubt: the request and the answer both came to their end, the end of the answer can be
//! read in one way alone, and nothing came after it. Whatever else there is on a connection ends
//! with it, at once: an upload whose answer is over already, an answer that nobody reads.

mod answer;
mod config;
mod connection;
mod connector;
mod error;
mod http;
mod invalid;
mod lease;
mod lookup;
mod pool;
mod progress;
mod room;
mod socket;
#[cfg(test)]
mod tests;

use std::pin::Pin;

use ::http::{Request, Response};

pub use config::UpstreamConfig;
pub use error::{UpstreamError, UpstreamErrorKind};
pub use http::HttpUpstream;
pub use invalid::InvalidUpstream;

use crate::body::ProxyBody;

/// The answer that an [`Upstream`] will give.
pub type UpstreamFuture =
    Pin<Box<dyn Future<Output = Result<Response<ProxyBody>, UpstreamError>> + Send>>;

/// A server that answers requests.
pub trait Upstream: Send + Sync {
    /// The name by which configuration, logs and errors know it.
    fn name(&self) -> &str;

    /// Sends a request, whose target is a path and query, and whose fields are final but for
    /// `Host`, which the upstream sets to its own.
    fn send(&self, request: Request<ProxyBody>) -> UpstreamFuture;
}
