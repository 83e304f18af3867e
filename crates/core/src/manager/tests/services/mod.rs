//! Services that are changed and retired.

mod bounds;
mod changed;
mod fixture;
mod retired;

use fixture::RETIRED;
