//! Stores with a fault each, for the suite to find.

mod audit;
mod changes;
mod defect;
mod keys;
mod pages;
mod store;
mod usage;

pub(super) use defect::Defect;
pub(super) use store::Defective;
