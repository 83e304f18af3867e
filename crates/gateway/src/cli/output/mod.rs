//! What commands print: tables for people, JSON for programs.

mod counted;
mod format;
mod stream;
mod table;
mod visible;

pub(super) use counted::{counted, counted_are};
pub(super) use format::Format;
pub(super) use stream::Output;
pub(super) use table::{fields, list};
pub(super) use visible::visible_lines;
