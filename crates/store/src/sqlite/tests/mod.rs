//! What needs a hold of the connections: faults of SQLite itself.

mod faults;
mod log;
