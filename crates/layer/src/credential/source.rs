use std::error::Error;
use std::fmt;

use http::request::Parts;

use super::Credential;

/// Finds the credential in a request, and removes it.
///
/// [`Credentials`](super::Credentials) is the source that most services want.
/// One of your own is put beside it with
/// [`Credentials::or`](super::Credentials::or), or alone where it is all there
/// is. What the layer relies on:
///
/// - **One place, one answer.** A request that presents nothing is `None`, not
///   an error: behind an [optional](crate::ApiKeyLayerBuilder::optional) layer
///   it passes. Whatever looks like a credential and cannot be read, and
///   whatever is there twice, is [`Malformed`].
/// - **`strip` takes out all that `extract` looks at**, more than one where
///   there are more, and leaves everything else as it is.
/// - Both are plain functions on the way of every request: they wait for
///   nothing, and a panic in them is the request's.
///
/// Here is one for clients that write `Authorization: ApiKey <token>`:
///
/// ```
/// use http::header::AUTHORIZATION;
/// use http::request::Parts;
/// use portcullis_layer::credential::{Credential, CredentialSource, Malformed};
///
/// /// `Authorization: ApiKey <token>`.
/// #[derive(Debug)]
/// struct ApiKeyScheme;
///
/// impl CredentialSource for ApiKeyScheme {
///     fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, Malformed> {
///         let mut fields = parts.headers.get_all(AUTHORIZATION).iter();
///         let Some(field) = fields.next() else { return Ok(None) };
///         if fields.next().is_some() {
///             return Err(Malformed); // which of the two was meant?
///         }
///         let token = field.as_bytes().strip_prefix(b"ApiKey ");
///         Ok(token.map(Credential::borrowed)) // another scheme is none of ours
///     }
///
///     fn strip(&self, parts: &mut Parts) {
///         if !matches!(self.extract(parts), Ok(None)) {
///             parts.headers.remove(AUTHORIZATION);
///         }
///     }
/// }
///
/// # use http::Request;
/// # let request = |value: &str| Request::builder().header("authorization", value).body(()).unwrap();
/// # let (mut parts, ()) = request("ApiKey pck_live_1").into_parts();
/// # assert!(matches!(ApiKeyScheme.extract(&parts), Ok(Some(_))));
/// # ApiKeyScheme.strip(&mut parts);
/// # assert!(parts.headers.is_empty());
/// # let (parts, ()) = request("Basic dXNlcjpwYXNz").into_parts();
/// # assert!(matches!(ApiKeyScheme.extract(&parts), Ok(None)));
/// ```
///
/// Where the token stands in the request in another form, as in the user name
/// of `Authorization: Basic`, decode it and answer with
/// [`Credential::decoded`].
pub trait CredentialSource: fmt::Debug + Send + Sync + 'static {
    /// What the request presents; nothing where it presents nothing.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the request presents something that cannot be read,
    /// or more than one credential: guessing which one was meant would let two
    /// programs on the way disagree.
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, Malformed>;

    /// Removes every credential of this source, so that the service behind
    /// never sees one. Called before each request that passes, also where
    /// `extract` found nothing.
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
