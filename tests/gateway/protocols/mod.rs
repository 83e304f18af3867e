//! HTTP/1.1 and HTTP/2, on either side.

mod client;
mod passed;
mod upstream;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

/// What goes over either protocol.
type Body = UnsyncBoxBody<Bytes, hyper::Error>;
