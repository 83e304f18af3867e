//! What the benches share: a manager with keys, a request as a server hands it on, and timing.

mod exchange;
mod failure;
mod timing;
mod world;

pub use exchange::{Exchange, Inner, Shape};
pub use failure::{Failure, ended};
pub use timing::{Timed, Timings, median, spread};
pub use world::{Issue, World};
