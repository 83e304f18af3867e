//! Roots that come, take over and go, and what that means for keys.

mod digests;
mod fixture;
mod meanwhile;
mod missing;
mod retired;
mod succession;

use fixture::{
    faulty_node, name, node, retire, root, roots, rotate_key, rotated, try_node, used, validate,
    with_k2,
};
