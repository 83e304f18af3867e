//! A store beside a model of it: random operations, every answer compared.

mod difference;
mod plan;
mod questions;
mod reads;
mod records;
#[cfg(test)]
mod tests;
mod world;
mod writes;

pub use difference::{Difference, Tally};
pub use world::compare;
