use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;

use super::bearer::is_b64token;
use super::{Credential, CredentialSource, Malformed, ParameterName};

/// The token in a parameter of the query.
///
/// Parameters stand between `&`. Names are compared as servers read them,
/// decoded (`%5F` is `_`, `+` a space), so that no spelling of ours passes as
/// another's; what cannot be decoded stands for itself.
///
/// Some servers part parameters at `;` as well (HTML 4.01 appendix B.2.2).
/// Where ours stands at such a place they read another credential than we do,
/// so it is ours, and malformed; but only with its `=`, for the values of other
/// parameters hold words and semicolons too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query(ParameterName);

impl Query {
    pub(super) const fn new(name: ParameterName) -> Self {
        Self(name)
    }

    fn is_ours(&self, parameter: &str) -> bool {
        let mut pieces = parameter
            .split(';')
            .enumerate()
            .filter(|(at, piece)| *at == 0 || piece.contains('='));
        pieces.any(|(_at, piece)| self.is_named(piece))
    }

    fn is_named(&self, piece: &str) -> bool {
        let name = piece.split('=').next().unwrap_or_default();
        let read = Decoded(name.as_bytes()).map(|byte| byte.unwrap_or_else(|literal| literal));
        read.eq(self.0.as_str().bytes())
    }

    /// The URI without our parameters, and every other byte as it was; nothing
    /// where it has none of ours.
    fn without(&self, uri: &Uri) -> Option<Uri> {
        let parameters = || uri.query().unwrap_or_default().split('&');
        if !parameters().any(|parameter| self.is_ours(parameter)) {
            return None;
        }
        let others: Vec<&str> = parameters()
            .filter(|parameter| !self.is_ours(parameter))
            .collect();
        let target = if others.is_empty() {
            uri.path().to_owned()
        } else {
            format!("{}?{}", uri.path(), others.join("&"))
        };
        let mut parts = uri.clone().into_parts();
        // Less of a valid query is a valid one. Were it not, no query at all
        // would be better than one with a token.
        parts.path_and_query = PathAndQuery::try_from(target)
            .or_else(|_| PathAndQuery::try_from(uri.path()))
            .ok();
        Some(Uri::from_parts(parts).unwrap_or_default())
    }

    fn strip_uri(&self, uri: &mut Uri) {
        if let Some(stripped) = self.without(uri) {
            *uri = stripped;
        }
    }
}

impl CredentialSource for Query {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, Malformed> {
        let mut ours = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|parameter| self.is_ours(parameter));
        match (ours.next(), ours.next()) {
            (None, _) => Ok(None),
            (Some(parameter), None) if !parameter.contains(';') => {
                let (_name, value) = parameter.split_once('=').ok_or(Malformed)?;
                value_of(value).map(Some)
            }
            (Some(_), _) => Err(Malformed),
        }
    }

    fn strip(&self, parts: &mut Parts) {
        self.strip_uri(&mut parts.uri);
        // What axum remembers of the request's first URI is handed to whoever
        // asks for it.
        #[cfg(feature = "axum")]
        if let Some(original) = crate::axum::original_uri(&mut parts.extensions) {
            self.strip_uri(original);
        }
    }
}

fn value_of(value: &str) -> Result<Credential<'_>, Malformed> {
    if !value.contains(['%', '+']) {
        return if is_b64token(value.as_bytes()) {
            Ok(Credential::borrowed(value.as_bytes()))
        } else {
            Err(Malformed)
        };
    }
    let mut decoded = Vec::with_capacity(value.len());
    for byte in Decoded(value.as_bytes()) {
        decoded.push(byte.map_err(|_literal| Malformed)?);
    }
    if is_b64token(&decoded) {
        Ok(Credential::decoded(decoded))
    } else {
        Err(Malformed)
    }
}

/// Reads `application/x-www-form-urlencoded`, byte by byte; a `%` without two
/// hexadecimal digits is an error that holds it as it stands.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = Result<u8, u8>;

    fn next(&mut self) -> Option<Result<u8, u8>> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        match (byte, rest) {
            (b'%', [high, low, rest @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    self.0 = rest;
                    Some(Ok(high << 4 | low))
                }
                _ => Some(Err(b'%')),
            },
            (b'%', _) => Some(Err(b'%')),
            (b'+', _) => Some(Ok(b' ')),
            (byte, _) => Some(Ok(*byte)),
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
