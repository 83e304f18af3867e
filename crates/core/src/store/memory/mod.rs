//! A store that lives and dies with its process: for tests, and for services
//! whose keys are written in their configuration.

mod history;
mod operate;
mod places;
mod quota;
mod roots;
mod state;
mod store;
mod trail;
mod undo;
mod usage;

pub use store::MemoryStore;
