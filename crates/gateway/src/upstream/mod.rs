//! The servers behind the gateway.
//!
//! [`Upstream`] is the seam: a request goes in, a response or an [`UpstreamError`] comes out.
//! [`HttpUpstream`] is the one there is, HTTP/1.1 or HTTP/2 ([`Protocol`]) in the clear or in TLS, to
//! one address or several, over a pool of kept connections to each.
//!
//! Who waits for what, and for how long ([`UpstreamConfig`]): its turn for `wait_timeout`, where
//! the upstream has as many requests as it may; a connection for `connect_timeout`, its handshake
//! included; the head of the response for `response_timeout`, counted from the last that the upstream took of the request,
//! and not while the client is what holds the request up; the next chunk of a body, either way, for
//! `body_timeout`.
//!
//! Each address that an endpoint has is a member: names are looked up again and again, and their
//! new addresses join and old ones leave while requests go on. The balancer chooses among those
//! members that are well ([`EjectionConfig`], [`HealthConfig`]), and among all where none is.
//!
//! A request is sent again only where nothing can be done twice ([`RetryConfig`]): one of which
//! nothing was sent, to another address, or to the same one where a kept connection turned out to
//! be closed; and, under a budget, one with an idempotent method (RFC 9110 section 9.2.2) and no
//! body, to whose connection nothing of an answer came, or an answer of a status that is taken for
//! none.
//!
//! An answer that is over ends its exchange. Its connection is used again only where nothing about
//! it is in doubt: the request and the answer both came to their end, the end of the answer can be
//! read in one way alone, and nothing came after it. Whatever else there is on a connection ends
//! with it, at once: an upload whose answer is over already, an answer that nobody reads.

mod answer;
mod balance;
mod chance;
mod config;
mod connection;
mod connector;
mod endpoint;
mod endpoints;
mod error;
mod exchange;
mod health;
mod http;
mod http2;
mod invalid;
mod lease;
mod line;
mod lookup;
mod member;
mod members;
mod metrics;
mod pool;
mod progress;
mod retry;
mod room;
mod roster;
mod socket;
#[cfg(test)]
mod tests;
mod times;
mod upgrade;

use std::pin::Pin;

use ::http::{Request, Response};

pub use config::{
    Balance, EjectionConfig, EndpointConfig, HealthConfig, Percent, Protocol, RetryConfig,
    StatusRange, UpstreamConfig,
};
pub(crate) use endpoints::EndpointCounts;
pub use error::{UpstreamError, UpstreamErrorKind};
pub use http::HttpUpstream;
pub use invalid::InvalidUpstream;
pub use times::ExchangeTimes;

use crate::body::ProxyBody;

/// The answer that an [`Upstream`] will give.
pub type UpstreamFuture =
    Pin<Box<dyn Future<Output = Result<Response<ProxyBody>, UpstreamError>> + Send>>;

/// A server that answers requests.
pub trait Upstream: Send + Sync {
    /// The name by which configuration, logs and errors know it.
    fn name(&self) -> &str;

    /// Sends a request, whose target is a path and query, and whose fields are final but for
    /// `Host`, which the upstream sets to its own where there is none. It waits as long as its
    /// configuration says, or the request's [`ExchangeTimes`].
    fn send(&self, request: Request<ProxyBody>) -> UpstreamFuture;
}
