//! Bodies on their way through: streamed in both directions, never gathered.
//!
//! A chunk is read from one connection when the other has room for it, so a slow receiver slows
//! its sender and holds one chunk of memory. [`IdleTimeout`] ends a body that stands still.
//! Trailer fields end with the hop (RFC 9110 section 6.5.1 lets an intermediary discard them): they
//! come after the header section that authorization saw, and some servers merge the two.

#[cfg(test)]
mod channel;
mod error;
mod idle;
mod observed;
mod proxy;

#[cfg(test)]
pub(crate) use channel::{ChannelBody, ChannelSender};
pub use error::{BodyError, BodyErrorKind, BodySource};
pub use idle::IdleTimeout;
pub(crate) use observed::Observed;
pub use proxy::ProxyBody;
