//! Keys that are changed.

mod expiry;
mod fields;
mod fixture;
mod nodes;

use fixture::patch;
