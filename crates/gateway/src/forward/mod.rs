//! From a request that may pass to its upstream's answer.
//!
//! [`Forward`] is the end of the request's way. It decides nothing: what was decided before comes
//! to it as a [`Passage`].

mod passage;
mod proxy;
#[cfg(test)]
mod tests;

pub use passage::Passage;
pub use proxy::Forward;
