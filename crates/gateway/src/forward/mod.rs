//! From a request that may pass to its upstream's answer.
//!
//! [`Forward`] is the end of the request's way. It decides nothing but what its route's [`Terms`]
//! say: what was found out before comes to it as a [`Passage`].

mod answer;
mod passage;
mod proxy;
mod request;
mod terms;
#[cfg(test)]
mod tests;

pub use passage::Passage;
pub use proxy::Forward;
pub use terms::Terms;
