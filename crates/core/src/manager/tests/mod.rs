//! The manager over the memory store, on a clock that stands still.

mod allowed;
mod bulk;
mod cache;
mod faults;
mod fixture;
mod lifecycle;
mod listing;
mod lives;
mod log;
mod patches;
mod race;
mod refused;
mod roots;
mod runtime;
mod services;
mod spawned;
mod standing;
mod trail;
mod updates;
mod validation;
mod warm_up;

use fixture::{BILLING, DAY, Fixture, ORDERS, Outcome, outcome, told};
