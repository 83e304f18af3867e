//! The frames of HTTP/2, as far as they must be counted (RFC 9113 sections 4 and 6).
//!
//! What reads and writes them bounds what a connection holds; hardly what it costs. A client that
//! opens requests only to reset them, or sends settings and pings without an end, is served as fast
//! as it can send. So each frame that costs the client next to nothing is taken from a
//! [budget](Budget) that honest use gives back, and whoever has used it up is told to go
//! ([`goaway`], `ENHANCE_YOUR_CALM`). A request's head must be whole in time, as in HTTP/1.

mod budget;
mod calm;
mod goaway;
mod header;
mod meter;
mod reader;

use budget::Budget;
pub(super) use calm::Calm;
pub(super) use goaway::goaway;
use header::FrameHeader;
pub(super) use meter::Meter;
use reader::{FrameEvent, FrameReader};
