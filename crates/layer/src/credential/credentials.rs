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
/// is; a field whose name was given here is always ours.
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
        for name in &self.headers {
            parts.headers.remove(name);
        }
    }
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
