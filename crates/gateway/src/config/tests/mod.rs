//! What a configuration may say, and how its faults are told.

mod access_log;
mod arbitrary;
mod faults;
mod parse;
mod readme;
mod routes;
mod template;
mod values;

use parse::{faults, parse};
