//! The one path of a request.
//!
//! A path that is read twice is a hole: the gateway sees `/public/%2e%2e/admin`, finds the open
//! route `/public`, and the upstream serves `/admin`. Here the target is read once, into a
//! [`CanonicalPath`]; routing, authorization and forwarding look at it and at nothing else, and
//! its bytes are what the upstream receives. A spelling that servers are known to read in more
//! than one way is refused.
//!
//! ```
//! use portcullis_gateway::path::{CanonicalPath, PathErrorKind, Prefix};
//!
//! let admin: Prefix = "/admin".parse()?;
//! let path = CanonicalPath::from_uri(&"/public/%2e%2e//%61dmin/users?page=2".parse()?)?;
//! assert_eq!(path.path_and_query(), "/admin/users?page=2");
//! assert!(path.starts_with_prefix(&admin));
//!
//! let refused = CanonicalPath::from_uri(&"/public/..%2fadmin".parse()?).unwrap_err();
//! assert_eq!(refused.kind(), PathErrorKind::EncodedSlash);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
mod error;
mod key;
mod normalize;
mod prefix;
#[cfg(test)]
mod tests;

pub use canonical::{CanonicalPath, DEFAULT_MAX_LENGTH};
pub use error::{PathError, PathErrorKind};
pub(crate) use key::{Rest, Segment, name_of_literal};
pub use prefix::{InvalidPrefix, Prefix};
