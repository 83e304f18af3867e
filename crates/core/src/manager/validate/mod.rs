//! Says what a token is worth: from what is cached, or else from the store.
//!
//! Both ways end in the same three steps, in this order, each a plain function
//! in `steps`: *known*, *live*, *allowed*.

mod cached;
mod judge;
mod request;
mod steps;
mod stored;

pub use request::{PendingValidation, Validation};
pub(super) use steps::{allowed, live};
