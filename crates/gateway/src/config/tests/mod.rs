//! What a configuration may say, and how its faults are told.

mod arbitrary;
mod faults;
mod parse;
mod readme;
mod routes;
mod template;
mod tls;
mod values;

use parse::{faults, parse};
