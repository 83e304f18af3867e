//! What a configuration may say, and how its faults are told.

mod arbitrary;
mod effective;
mod faults;
mod foreign;
mod parse;
mod readme;
mod routes;
mod schema;
mod template;
mod values;

use parse::{faults, parse};
