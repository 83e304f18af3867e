//! What the benches share: a manager with keys, a request as a server hands it on, and timing.

mod exchange;
mod timing;
mod world;

pub use exchange::{Exchange, Inner, Shape};
pub use timing::{Timed, Timings, median, spread};
pub use world::{Issue, World};

/// Why a bench could not be run.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
