//! What is told of each request once it is over: one line of JSON, and histograms.
//!
//! `AccessLayer` stands around all that answers. It puts `Notes` into each request's
//! extensions, which those further in write into: the route that takes it, the check of its key,
//! the upstream. The request's record is finished when it is dropped, and it goes where the answer
//! goes: with the future, then with the body. So every way in which a request can end ends it,
//! once: the last byte is handed to the connection, the body fails, the client leaves, the
//! connection is cut.
//!
//! A line goes to a queue of bounded length and is written by a thread of its own
//! (`AccessSink`). A request never waits for it: where the queue is full, or the output takes
//! nothing, lines are lost and counted. Another output may take its place at any time (`AccessLog`):
//! it is open before, and what waits for the other is written there.
//!
//! Where spans go to a collector ([`spans`](crate::spans)), the finished record is told once more as
//! those of its request.
//!
//! No line holds a token, a header field's value or a query. The path is there only where the
//! configuration asks for it, in its canonical form and with whatever looks like a token taken out.

mod body;
mod config;
mod enter;
mod future;
mod layer;
mod line;
mod log;
mod metrics;
mod notes;
mod outcome;
mod output;
mod record;
mod service;
mod sink;
#[cfg(test)]
mod tests;
#[cfg(feature = "otlp")]
mod traced;
#[cfg(not(feature = "otlp"))]
mod untraced;
mod upload;

pub use config::{AccessLogConfig, AccessOutput};
pub(crate) use enter::{EnterLayer, Entered};
pub(crate) use layer::AccessLayer;
pub(crate) use log::{AccessLog, NextOutput};
pub(crate) use notes::Notes;
pub(crate) use outcome::Panicked;
pub(crate) use sink::AccessSink;
#[cfg(feature = "otlp")]
use traced::Traced;
#[cfg(not(feature = "otlp"))]
use untraced::Traced;
