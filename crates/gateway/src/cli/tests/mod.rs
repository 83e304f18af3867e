//! Commands as they are typed, over a store in memory: what they print, and how they end.

mod documented;
mod looks;
mod pages;
mod pipe;
mod refusals;
mod shell;
mod streams;
mod tokens;
mod trail;

use looks::{is_id, is_time, is_token, take};
pub(super) use shell::{CREATE, Shell};
