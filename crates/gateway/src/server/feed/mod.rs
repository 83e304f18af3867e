//! One whole HTTP/1 message at a time, and none that can be read in two ways.
//!
//! hyper's parser takes more than RFC 9112 has it take: a `Content-Length` beside a
//! `Transfer-Encoding`, a length that is said twice, lines that end with a line feed alone. The
//! service above it never hears of these, so they are found here, below: a [`Feed`] stands between
//! the socket and hyper, holds a head back until the whole of it came and was vetted, follows the
//! body by framing of its own, and gives nothing beyond the end of a message before its answer is
//! out.
//!
//! In the place of a head that is refused, too long or too late hyper gets a substitute, and the
//! service is told why: so its answer has its place behind those to earlier requests, and goes
//! through the same stack as theirs.

mod chunks;
mod framing;
mod head;
mod state;
mod substitute;
#[cfg(test)]
mod tests;
mod vet;

pub(super) use state::{Feed, Given};
pub(super) use vet::HeadLimits;
