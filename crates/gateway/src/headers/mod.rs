//! Header fields on their way through the gateway.
//!
//! A request to an upstream passes, in this order: [`hop_by_hop::remove`], [`identity::strip`],
//! [`forwarded::strip`], [`framing::describe`], the route's [`edits`], and only then are our own
//! fields set ([`host`], [`forwarded::set`], [`forwarded::append_via`],
//! [`request_id::RequestId::set`], [`trace_context`], [`identity::IdentityFields::set`]). Nothing that a client
//! sends, a `Connection` field that names ours least of all, can remove or double them, and no edit
//! can. A response passes the first two, and gets its `Via` and request id. Trailers pass
//! [`trailers::clean`], either way.
//!
//! Many servers hand fields on with `-`, `_` and other marks made the same (CGI, WSGI, Rack, PHP):
//! wherever a field of ours is stripped here, every such spelling of it is.
//!
//! ```
//! use http::{HeaderMap, HeaderValue};
//! use portcullis_gateway::headers::identity::{self, Identity, IdentityFields};
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("x_portcullis_owner", HeaderValue::from_static("root"));
//! identity::strip(&mut headers);
//! let fields = IdentityFields::new(&Identity {
//!     key_id: "7b0d0d7e-6e46-4b0e-9d0a-0d3c3c1f4b11",
//!     owner: "zoë",
//!     service: "orders",
//!     environment: "live",
//!     scopes: "orders:read orders:write",
//! });
//! fields.set(&mut headers);
//! assert_eq!(headers["x-portcullis-owner"], "zo%C3%AB");
//! assert_eq!(headers.len(), 5);
//! ```

pub mod edits;
pub mod forwarded;
pub mod framing;
pub mod hop_by_hop;
pub mod host;
pub mod identity;
pub mod origin;
pub mod request_id;
pub(crate) mod spelling;
pub mod trace_context;
pub mod trailers;
pub(crate) mod upgrade;
pub(crate) mod values;
