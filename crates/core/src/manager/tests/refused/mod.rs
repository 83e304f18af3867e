//! Changes that were asked for and refused are told by the trail.

mod counted;
mod events;
mod late;
mod named;
mod untold;

use events::{attempts, ends};
