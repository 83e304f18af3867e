//! From where a request came.
//!
//! Whoever accepts a connection tells the peer's address as the request
//! extension [`ClientAddr`]; with the feature `axum`, axum's
//! `ConnectInfo<SocketAddr>` counts as well. No header field is read: a client
//! can write what it likes into one.
//!
//! Behind a reverse proxy the peer is the proxy. [`TrustedProxies`] reads what
//! such a proxy says of the client, and believes nobody else:
//!
//! ```
//! use portcullis_admission::Gatekeeper;
//! use portcullis_core::service::ServiceName;
//! use portcullis_layer::{ApiKeyLayer, TrustedProxies};
//! use tower::ServiceBuilder;
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//!
//! # fn guarded(gate: Gatekeeper) -> Result<(), Box<dyn std::error::Error>> {
//! let proxies = TrustedProxies::x_forwarded_for(["10.0.0.0/8".parse()?, "fd00::/8".parse()?]);
//! let stack = ServiceBuilder::new()
//!     .layer(proxies) // first, so that the layers behind know the client
//!     .layer(ApiKeyLayer::new(gate, ORDERS));
//! # drop(stack);
//! # Ok(())
//! # }
//! ```

mod addr;
mod forwarded;
mod node;
mod origin;
mod proxies;
mod service;

pub use addr::ClientAddr;
pub use origin::ClientOrigin;
pub use proxies::TrustedProxies;
pub use service::TrustedProxiesService;

#[cfg(test)]
mod tests;
