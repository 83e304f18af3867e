//! Keys that are made, found, changed and ended, as it is typed.

mod changed;
mod damaged;
mod ended;
mod listed;
mod made;
mod many;
mod orders;

use orders::{id, names, shell};
