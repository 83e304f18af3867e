use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use portcullis_core::token::Presented;

use super::bearer::{is_b64token, token_of};
use super::{CredentialSource, Malformed};

/// Credentials in header fields: `Authorization: Bearer` (RFC 6750 section
/// 2.1), fields of other names, or both.
///
/// A request must carry one credential at most, over all of these fields: two
/// are malformed, even where they are the same. An `Authorization` field of
/// another scheme than `Bearer` is no credential of ours and stays where it
/// is; a field whose name was given here is always ours. So is one whose name
/// differs from it in its marks alone (`X_Api_Key`), which many servers do not
/// tell apart (CGI, WSGI, Rack): it is malformed, and goes no further.
#[derive(Debug, Clone)]
pub struct Credentials {
    bearer: bool,
    headers: Vec<HeaderName>,
}

impl Credentials {
    /// `Authorization: Bearer <token>`.
    #[must_use]
    pub const fn bearer() -> Self {
        Self {
            bearer: true,
            headers: Vec::new(),
        }
    }

    /// The field of this name alone, whose value is the bare token: for
    /// services that use `Authorization` for something else.
    ///
    /// # Panics
    ///
    /// Where `name` is not a field's name in lower case.
    #[must_use]
    pub fn header(name: &'static str) -> Self {
        Self {
            bearer: false,
            headers: vec![HeaderName::from_static(name)],
        }
    }

    /// Accepts the token in the field of this name as well, bare.
    ///
    /// # Panics
    ///
    /// Where `name` is not a field's name in lower case.
    #[must_use]
    pub fn or_header(self, name: &'static str) -> Self {
        self.or_header_name(HeaderName::from_static(name))
    }

    /// Accepts the token in the field `name` as well, bare. For names that are
    /// read at run time.
    #[must_use]
    pub fn or_header_name(mut self, name: HeaderName) -> Self {
        if !self.headers.contains(&name) {
            self.headers.push(name);
        }
        self
    }
}

impl Default for Credentials {
    /// [`Credentials::bearer`].
    fn default() -> Self {
        Self::bearer()
    }
}

impl CredentialSource for Credentials {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Presented<'a>>, Malformed> {
        let mut found = match self.bearer.then(|| only(&parts.headers, &AUTHORIZATION)) {
            Some(value) => value?.map_or(Ok(None), |value| token_of(value.as_bytes()))?,
            None => None,
        };
        if self.respelled(&parts.headers).next().is_some() {
            return Err(Malformed);
        }
        for name in &self.headers {
            let Some(value) = only(&parts.headers, name)? else {
                continue;
            };
            if found.is_some() || !is_b64token(value.as_bytes()) {
                return Err(Malformed);
            }
            found = Some(value.as_bytes());
        }
        Ok(found.map(Presented::new))
    }

    fn strip(&self, parts: &mut Parts) {
        let is_ours = |value: &HeaderValue| !matches!(token_of(value.as_bytes()), Ok(None));
        if self.bearer && parts.headers.get_all(AUTHORIZATION).iter().any(is_ours) {
            parts.headers.remove(AUTHORIZATION);
        }
        // Allocates only if there is one.
        let respelled: Vec<HeaderName> = self.respelled(&parts.headers).cloned().collect();
        for name in self.headers.iter().chain(&respelled) {
            parts.headers.remove(name);
        }
    }
}

impl Credentials {
    /// The fields whose name is one of ours, but for its marks.
    fn respelled<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a HeaderName> {
        headers.keys().filter(|name| {
            !self.headers.contains(name) && self.headers.iter().any(|ours| is_alike(ours, name))
        })
    }
}

/// Whether two names are the same to a server that does not tell one mark from
/// another. `HeaderName` is in lower case already.
fn is_alike(one: &HeaderName, other: &HeaderName) -> bool {
    let (one, other) = (one.as_str().as_bytes(), other.as_str().as_bytes());
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one == other || !(one.is_ascii_alphanumeric() || other.is_ascii_alphanumeric())
        })
}

/// The one value of a field, where there is any.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Malformed> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Malformed),
    }
}
