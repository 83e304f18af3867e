//! Where in a request the credential is, and how it is taken out.
//!
//! A [`CredentialSource`] finds what a request presents, and removes it before
//! the request goes on: the service behind has no use for it. [`Credentials`]
//! is the source that most services want.
//!
//! ```
//! use http::Request;
//! use portcullis_layer::credential::{CredentialSource, Credentials};
//!
//! let credentials = Credentials::bearer().or_header("x-api-key");
//! let (mut parts, ()) =
//!     Request::builder().header("x-api-key", "pck_live_1").body(()).unwrap().into_parts();
//! assert!(matches!(credentials.extract(&parts), Ok(Some(_))));
//! credentials.strip(&mut parts);
//! assert!(parts.headers.is_empty());
//! ```

mod bearer;
mod credentials;
mod source;

pub use credentials::Credentials;
pub use source::{CredentialSource, Malformed};

#[cfg(test)]
mod tests;
