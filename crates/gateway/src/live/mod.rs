//! Requests end with the key that they were admitted by, also where they take long: an event
//! stream, a download, an upload, a wait for an answer.
//!
//! Every request of a key is [entered](LiveStreams) before anything is done for it, and looked at
//! then: whoever ends its key either finds it there, or has ended the key before that look.
//! [`LiveStreams::watch`] looks at all of them whenever something has changed, and twice a second
//! for what time alone changes. It ends a request in two steps: the [`Lifeline`] is asked first,
//! and cut a quarter of a second later, where nobody was there to hear of it.
//!
//! [`Lifeline`]: crate::server::Lifeline

mod body;
mod entry;
mod future;
mod layer;
mod metrics;
mod registry;
mod route;
mod served;
mod service;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use layer::LiveLayer;
pub(crate) use registry::LiveStreams;
pub(crate) use service::LiveService;
