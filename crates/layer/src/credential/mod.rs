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
//!
//! Cookies and query parameters are read where somebody asks for them, because
//! both are worse places for a secret than a header field: what each costs is
//! said at [`Credentials::or_cookie`] and [`Credentials::or_query`]. Any other
//! place is a source of one's own, a few lines that [`CredentialSource`] shows.
//!
//! ```
//! use portcullis_layer::credential::Credentials;
//!
//! let credentials = Credentials::bearer().or_cookie("__Host-key").or_query("api_key");
//! # drop(credentials);
//! ```

mod bearer;
mod cookie;
mod credentials;
mod found;
mod names;
mod query;
mod source;

pub use credentials::Credentials;
pub use found::Credential;
pub use names::{CookieName, ParameterName};
pub use source::{CredentialSource, Malformed};

#[cfg(test)]
mod tests;
