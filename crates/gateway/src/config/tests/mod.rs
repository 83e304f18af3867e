//! What a configuration may say, and how its faults are told.

mod access_log;
mod arbitrary;
mod effective;
mod faults;
mod foreign;
mod handling;
#[cfg(feature = "otlp")]
mod otlp;
mod parse;
mod readme;
mod routes;
mod schema;
mod template;
mod tls;
mod upstreams;
mod values;

use parse::{faults, parse};
