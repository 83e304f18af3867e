//! Authorities, certificates and clients for tests.

mod authority;
mod built;
mod errors;
mod faults;
mod made;

pub(crate) use authority::{Ca, Pair};
pub(crate) use made::{Folder, Stranger};
