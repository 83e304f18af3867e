//! tokio as the core sees it in this test: everything is tokio's own, but tasks
//! are run by shuttle, which decides at every step which one goes on.
//!
//! tokio's channels and semaphores know no runtime. They are taken as they are:
//! each of their operations is one step.

pub mod runtime;
pub mod task;

pub use tokio::*;
