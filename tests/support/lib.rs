//! What the end-to-end tests stand on: the program under test, an upstream that
//! remembers what it saw, and an HTTP client that sends what it is told, byte
//! for byte.
//!
//! Everything listens on loopback, on ports that are free, and ends with its
//! test. Nothing sleeps for correctness: [`eventually`] asks again until a
//! deadline.

mod client;
mod deadline;
mod forger;
mod frames;
mod gateway;
mod load;
mod memory;
mod place;
mod process;
mod stall;
mod tools;
mod upstream;

pub use client::{Answer, get, get_with, send};
pub use deadline::{eventually, eventually_within};
pub use forger::Forger;
pub use frames::{Fate, Frame, FrameClient, request};
pub use gateway::Gateway;
pub use load::{Load, LoadReport};
pub use memory::{Memory, alone};
pub use place::{Outcome, Place};
pub use process::{Process, piped};
pub use stall::Stall;
pub use tools::{figure, has_tool};
pub use upstream::{Seen, Upstream};
