use http::header::{COOKIE, HeaderValue};
use http::request::Parts;

use super::bearer::{is_b64token, is_token_character};
use super::{CookieName, Credential, CredentialSource, Malformed};

/// The token in a cookie (RFC 6265 sections 4.2.1 and 5.4).
///
/// `Cookie` fields are read as one list, because HTTP/2 may send one in parts
/// (RFC 9113 section 8.2.3). A pair whose name is ours but for characters
/// around it that no name has, such as white space of whatever kind, is ours,
/// and malformed: others would read it as the cookie. So is one that has ours
/// behind a comma, where servers that follow RFC 2965 begin another pair; but
/// only with its `=`, for values of other cookies hold words and commas too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cookie(CookieName);

impl Cookie {
    pub(super) const fn new(name: CookieName) -> Self {
        Self(name)
    }

    /// The value of a pair, where its name is ours.
    fn value<'a>(&self, pair: &'a [u8]) -> Option<Result<&'a [u8], Malformed>> {
        let ours = self.0.as_str().as_bytes();
        let mut pieces = pair
            .split(|byte| *byte == b',')
            .enumerate()
            .filter(|(at, piece)| *at == 0 || piece.contains(&b'='));
        if !pieces.any(|(_at, piece)| bare(parted(piece).0) == ours) {
            return None;
        }
        let (name, value) = parted(pair);
        match unquoted(value) {
            value if name == ours && is_b64token(value) => Some(Ok(value)),
            _ => Some(Err(Malformed)),
        }
    }

    /// What remains of a field's value without our pairs: the others byte for
    /// byte; nothing where there are no others.
    fn without(&self, field: &HeaderValue) -> Option<HeaderValue> {
        let others: Vec<&[u8]> = pairs(field.as_bytes())
            .filter(|pair| self.value(pair).is_none())
            .collect();
        let rest = others.join(&b';');
        // Taken from a field's value, it is one.
        let mut value = HeaderValue::from_bytes(rest.trim_ascii()).ok()?;
        value.set_sensitive(field.is_sensitive());
        Some(value).filter(|value| !value.is_empty())
    }
}

impl CredentialSource for Cookie {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, Malformed> {
        let mut values = parts
            .headers
            .get_all(COOKIE)
            .into_iter()
            .flat_map(|field| pairs(field.as_bytes()))
            .filter_map(|pair| self.value(pair));
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Ok(Some(Credential::borrowed(value?))),
            (Some(_), Some(_)) => Err(Malformed),
        }
    }

    fn strip(&self, parts: &mut Parts) {
        let is_ours =
            |field: &HeaderValue| pairs(field.as_bytes()).any(|pair| self.value(pair).is_some());
        if !parts.headers.get_all(COOKIE).iter().any(is_ours) {
            return;
        }
        let fields: Vec<HeaderValue> = parts.headers.get_all(COOKIE).iter().cloned().collect();
        parts.headers.remove(COOKIE);
        for field in fields {
            let kept = if is_ours(&field) {
                self.without(&field)
            } else {
                Some(field)
            };
            if let Some(kept) = kept {
                parts.headers.append(COOKIE, kept);
            }
        }
    }
}

fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b';')
}

/// A pair's name and value, at the first `=`; no value where there is none.
fn parted(pair: &[u8]) -> (&[u8], &[u8]) {
    let pair = pair.trim_ascii();
    let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => pair.split_at(at),
        None => (pair, &[][..]),
    };
    (name, value.strip_prefix(b"=").unwrap_or_default())
}

/// The name without what stands around it and can be in no name.
fn bare(mut name: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = name
        && !is_token_character(*first)
    {
        name = rest;
    }
    while let [rest @ .., last] = name
        && !is_token_character(*last)
    {
        name = rest;
    }
    name
}

/// `*cookie-octet / ( DQUOTE *cookie-octet DQUOTE )`
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', octets @ .., b'"'] => octets,
        _ => value,
    }
}
