//! Bodies on their way through: streamed in both directions, never gathered.
//!
//! A chunk is read from one connection when the other has room for it, so a slow receiver slows
//! its sender and holds one chunk of memory. [`IdleTimeout`] ends a body that stands still.
//! Of trailer fields those pass that say nothing of the message and are not in its head: they come
//! after the header section that authorization saw, and some servers merge the two.

#[cfg(test)]
mod channel;
mod error;
mod idle;
mod limit;
mod observed;
mod parting;
mod proxy;
mod rate;
mod trailers;
mod whole;

#[cfg(test)]
pub(crate) use channel::{ChannelBody, ChannelSender};
pub use error::{BodyError, BodyErrorKind, BodySource};
pub use idle::IdleTimeout;
pub(crate) use limit::Limited;
pub(crate) use observed::Observed;
pub(crate) use parting::Parting;
pub use proxy::ProxyBody;
pub(crate) use rate::LeastRate;
pub use rate::{BodyRate, InvalidBodyRate};
pub(crate) use whole::Whole;
