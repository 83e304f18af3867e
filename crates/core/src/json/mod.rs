//! JSON that people write: read whole and as it is written, or refused.

mod numbers;
mod path;
mod read;

pub(crate) use read::read_strict;
