//! Damaged files: refused with a word and left as they are, or used, and never
//! with a key that was revoked, disabled or rotated away.

#![expect(
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod cut;
mod database;
mod files;
mod many;
mod records;
