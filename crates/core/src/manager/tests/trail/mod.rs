//! The trail: listed, verified, anchored, pruned, and tampered with.

mod altered;
mod fixture;
mod listed;
mod meanwhile;
mod pruned;

use fixture::{head, list, now, prune, sequences, verify, whole};
