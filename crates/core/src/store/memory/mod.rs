//! A store that lives and dies with its process: for tests, and for services
//! whose keys are written in their configuration.

mod history;
mod quota;
mod state;
mod store;

pub use store::MemoryStore;
