use std::error::Error;
use std::fmt;

use http::request::Parts;
use portcullis_core::token::Presented;

/// Finds the credential in a request, and removes it.
pub trait CredentialSource: fmt::Debug + Send + Sync + 'static {
    /// What the request presents; nothing where it presents nothing.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the request presents something that cannot be read,
    /// or more than one credential: guessing which one was meant would let two
    /// programs on the way disagree.
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Presented<'a>>, Malformed>;

    /// Removes every credential of this source, so that the service behind
    /// never sees one.
    fn strip(&self, parts: &mut Parts);
}

/// That a request's credential cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request must carry exactly one well-formed credential")
    }
}

impl Error for Malformed {}
