//! The real manager, gate, loads and follower under a scheduler that decides at
//! every atomic operation, lock and answer of the store who goes on.
//!
//! shuttle tries many schedules; each is a run of its own, over a store as it
//! was prepared once. In every one of them, with whatever else it is about:
//!
//! - a token whose end this node knows of is not granted to who asks later;
//! - none is refused as unknown that the store knows;
//! - what is served ends with its key, whoever comes first;
//! - every grant is counted, once, in the store's counters;
//! - once all is quiet and polled, the verdicts are what the store says;
//! - nothing waits for ever, and no task outlives the last handle.
//!
//! A failure prints its schedule, and how to run it again: `explore.rs`.

mod clock;
mod created;
mod ended;
mod explore;
mod gone;
mod holder;
mod live;
mod node;
mod prepared;
mod restored;
mod service;
mod store;
mod time;
mod together;
mod usage;
mod world;
