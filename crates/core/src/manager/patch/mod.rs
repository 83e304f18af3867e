//! Changes to records that leave out what they do not change.

mod field;
mod key;
mod service;

pub use field::Patch;
pub use key::KeyPatch;
pub use service::ServicePatch;
