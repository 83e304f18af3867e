//! The listener: connections in, requests to a service, answers out.
//!
//! HTTP/1.1 and, for clients that know that it is spoken, HTTP/2, by hyper's own connection types,
//! never the builder that tells them apart by itself: that one waits for the first byte without any
//! limit. Of HTTP/1 hyper sees whole messages only, one at a time, and none that two readers could
//! take in two ways: the socket beneath it looks at them first, and hands what is no request to the
//! service as a [`HeadFault`]. What hyper does not bound, the socket does as well
//! ([`ServerConfig`]): the wait for a first byte and for a whole head, the time between two
//! requests, and a client that does not take its answer; in HTTP/2 ([`Http2Config`]) the frames
//! that cost a client nothing. The number of connections is bounded; past it the kernel's queue
//! holds the next ones. So is that of each address, past which they are closed. All of that can be
//! replaced while it runs ([`ServerHandle`]).
//!
//! A second listener speaks TLS ([`Server::with_tls`]): what is spoken in it is agreed on in the
//! handshake, and all else holds as it does in the clear.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::convert::Infallible;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use hyper::body::Bytes;
//! use portcullis_gateway::server::{RequestBody, Server, ServerConfig};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let hello = tower::service_fn(async |_: Request<RequestBody>| {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
//! });
//! let report = Server::new(listener, ServerConfig::default())?
//!     .run(hello, async { drop(tokio::signal::ctrl_c().await) })
//!     .await;
//! println!("{} connections were cut", report.cut);
//! # Ok(()) }
//! ```

mod accept;
mod arrivals;
mod body;
mod check;
mod config;
mod connection;
mod fault;
mod feed;
mod frames;
mod handle;
mod handshake;
mod http2;
mod lifeline;
mod peer;
mod phase;
mod proxy_header;
mod room;
mod run;
mod seats;
mod secure;
mod service;
mod sniff;
mod socket;
mod stats;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;

pub use body::RequestBody;
pub use check::{RequestProblem, check_request};
pub use config::ServerConfig;
pub use fault::HeadFault;
pub use handle::ServerHandle;
pub use http2::Http2Config;
pub(crate) use lifeline::{EndReason, Lifeline};
pub use peer::PeerAddr;
pub use run::{Server, ShutdownReport};
pub use secure::Secured;
pub use stats::{CalmedCounts, ServerCounts, ServerStats};
