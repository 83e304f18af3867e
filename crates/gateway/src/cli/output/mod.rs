//! What commands print: tables for people, JSON for programs.

mod format;
mod stream;
mod table;

pub(super) use format::Format;
pub(super) use stream::Output;
pub(super) use table::{fields, list};
