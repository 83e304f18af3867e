//! HTTP/2 on one connection (RFC 9113): hyper's, with what it leaves open around it.
//!
//! Below hyper, [`FrameSocket`] keeps the times of the connection and counts its frames. Above,
//! [`StreamService`] gives each request its lifeline. Beside, [`StreamExecutor`] runs each stream as
//! a task that can be dropped on its own: a request that ends with its key takes no other of its
//! connection with it. [`Stay`] says how long a connection is kept.

mod body;
mod config;
mod connection;
mod cookie;
mod executor;
mod service;
mod severable;
mod socket;
mod stay;
mod stream;

use body::StreamBody;
pub use config::Http2Config;
pub(super) use connection::serve;
use executor::StreamExecutor;
use service::StreamService;
use severable::Severable;
use socket::FrameSocket;
use stay::{Stay, Turn};
use stream::Stream;
