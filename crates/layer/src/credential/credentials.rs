use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;

use super::bearer::{is_b64token, token_of};
use super::cookie::Cookie;
use super::query::Query;
use super::{CookieName, Credential, CredentialSource, Malformed, ParameterName};

/// The places where a request may carry its credential: `Authorization:
/// Bearer` (RFC 6750 section 2.1), fields of other names, and where somebody
/// asked for it cookies, query parameters and sources of one's own.
///
/// A request must carry one credential at most, over all of these places: two
/// are malformed, even where they are the same. An `Authorization` field of
/// another scheme than `Bearer` is no credential of ours and stays where it
/// is; a field whose name was given here is always ours. So is one whose name
/// differs from it in its marks alone (`X_Api_Key`), which many servers do not
/// tell apart (CGI, WSGI, Rack): it is malformed, and goes no further.
#[derive(Debug, Clone)]
pub struct Credentials {
    bearer: bool,
    headers: Vec<HeaderName>,
    cookies: Vec<Cookie>,
    queries: Vec<Query>,
    others: Vec<Arc<dyn CredentialSource>>,
}

impl Credentials {
    /// `Authorization: Bearer <token>`.
    #[must_use]
    pub const fn bearer() -> Self {
        let mut places = Self::nowhere();
        places.bearer = true;
        places
    }

    /// The field of this name alone, whose value is the bare token: for
    /// services that use `Authorization` for something else.
    ///
    /// # Panics
    ///
    /// Where `name` is not a field's name in lower case.
    #[must_use]
    pub fn header(name: &'static str) -> Self {
        Self::nowhere().or_header(name)
    }

    /// The cookie of this name alone. Read the warning of
    /// [`Credentials::or_cookie`].
    ///
    /// # Panics
    ///
    /// Where `name` is not a cookie's name ([`CookieName`]).
    #[must_use]
    pub fn cookie(name: &'static str) -> Self {
        Self::nowhere().or_cookie(name)
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

    /// Accepts the token in the cookie of this name as well (RFC 6265).
    ///
    /// # Warning: forged requests
    ///
    /// A browser sends a cookie along with every request to the service, also
    /// with those that another site's page makes (CSRF). A key in a cookie
    /// therefore proves that the browser has it, not that the user meant the
    /// request. Set it `Secure; HttpOnly; SameSite=Strict`, under a name that
    /// begins with `__Host-`, and put something before the layer that refuses
    /// cross-origin requests, such as tower-http's `CsrfLayer`. Without
    /// browsers, take a header field instead.
    ///
    /// # What is read
    ///
    /// The value must be the bare token, in double quotes or not. Several
    /// cookies of the name are malformed: a subdomain that sets one of its own
    /// cannot choose the key. So is `name=` behind a comma, at which old servers
    /// part cookies too. The name counts as it is written. Before the
    /// service behind sees the request, the cookie is taken out and the others
    /// stay byte for byte.
    ///
    /// # Panics
    ///
    /// Where `name` is not a cookie's name ([`CookieName`]).
    #[must_use]
    pub fn or_cookie(self, name: &'static str) -> Self {
        self.or_cookie_name(CookieName::from_static(name))
    }

    /// [`Credentials::or_cookie`], for names that are read at run time.
    #[must_use]
    pub fn or_cookie_name(mut self, name: CookieName) -> Self {
        let cookie = Cookie::new(name);
        if !self.cookies.contains(&cookie) {
            self.cookies.push(cookie);
        }
        self
    }

    /// Accepts the token in the query parameter of this name as well.
    ///
    /// # Warning: URLs are kept and shown
    ///
    /// A URL is no place for a secret (RFC 6750 section 5.3): servers and
    /// proxies log it, browsers keep it in their history and send it on in
    /// `Referer`, people paste it into chats. The layer takes the parameter
    /// out before the service behind sees the request, but cannot take it out
    /// of the log of what stands before, `TraceLayer` among it. Keep it for
    /// clients that cannot do otherwise (`EventSource`, `<img>`, webhooks),
    /// with keys of few scopes and a short life.
    ///
    /// # What is read
    ///
    /// Names and values are percent-decoded. Several parameters of the name
    /// are malformed, and so is an empty one, one before a `;`, or `name=`
    /// behind one, at which old servers part parameters too. Every other
    /// byte of the target stays as it is.
    ///
    /// # Panics
    ///
    /// Where `name` is not a parameter's name ([`ParameterName`]).
    #[must_use]
    pub fn or_query(self, name: &'static str) -> Self {
        self.or_query_name(ParameterName::from_static(name))
    }

    /// [`Credentials::or_query`], for names that are read at run time.
    #[must_use]
    pub fn or_query_name(mut self, name: ParameterName) -> Self {
        let query = Query::new(name);
        if !self.queries.contains(&query) {
            self.queries.push(query);
        }
        self
    }

    /// Accepts what a source of one's own finds as well.
    #[must_use]
    pub fn or(mut self, source: impl CredentialSource) -> Self {
        self.others.push(Arc::new(source));
        self
    }

    const fn nowhere() -> Self {
        Self {
            bearer: false,
            headers: Vec::new(),
            cookies: Vec::new(),
            queries: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl Default for Credentials {
    /// [`Credentials::bearer`].
    fn default() -> Self {
        Self::bearer()
    }
}

impl CredentialSource for Credentials {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, Malformed> {
        let mut found = self.in_fields(&parts.headers)?.map(Credential::borrowed);
        for source in self.beyond_fields() {
            if let Some(credential) = source.extract(parts)? {
                if found.is_some() {
                    return Err(Malformed);
                }
                found = Some(credential);
            }
        }
        Ok(found)
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
        for source in self.beyond_fields() {
            source.strip(parts);
        }
    }
}

impl Credentials {
    /// The one token in `Authorization` and the fields that were named.
    fn in_fields<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a [u8]>, Malformed> {
        let mut found = match self.bearer.then(|| only(headers, &AUTHORIZATION)) {
            Some(value) => value?.map_or(Ok(None), |value| token_of(value.as_bytes()))?,
            None => None,
        };
        if self.respelled(headers).next().is_some() {
            return Err(Malformed);
        }
        for name in &self.headers {
            let Some(value) = only(headers, name)? else {
                continue;
            };
            if found.is_some() || !is_b64token(value.as_bytes()) {
                return Err(Malformed);
            }
            found = Some(value.as_bytes());
        }
        Ok(found)
    }

    /// The sources that somebody asked for: most often none.
    fn beyond_fields(&self) -> impl Iterator<Item = &dyn CredentialSource> {
        let cookies = self.cookies.iter().map(|one| one as &dyn CredentialSource);
        let queries = self.queries.iter().map(|one| one as &dyn CredentialSource);
        cookies
            .chain(queries)
            .chain(self.others.iter().map(|one| &**one))
    }

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
