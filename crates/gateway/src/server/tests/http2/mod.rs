//! HTTP/2 by its frames.

mod ends;
mod floods;
mod frames;
mod served;
mod stays;

use frames::{CANCEL, Client, DATA, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, PING, RST_STREAM};
