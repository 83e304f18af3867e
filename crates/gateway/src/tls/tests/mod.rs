//! Authorities, certificates and clients for tests.

mod built;
mod errors;
mod faults;
mod made;

pub(crate) use made::{Ca, Folder, Pair, Stranger};
