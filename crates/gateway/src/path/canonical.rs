use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;

use super::normalize::{canonicalize, has_marks, is_canonical, is_control, same_name};
use super::{PathError, PathErrorKind, Prefix};

/// The longest request target that [`CanonicalPath::from_uri`] takes, in bytes: 8 KiB, the least
/// that RFC 9110 section 4.1 recommends every server to support.
pub const DEFAULT_MAX_LENGTH: usize = 8 * 1024;

/// A request's path in its one canonical form, and the query beside it as it came.
///
/// - Dot segments are resolved (RFC 3986 section 5.2.4), percent-encoded dots included; one that
///   would climb above the root is refused, not ignored.
/// - Percent-encoded unreserved characters are decoded, the hexadecimal digits of what stays
///   encoded are upper case, characters that may not stand raw in a path are encoded
///   (RFC 3986 section 6.2.2).
/// - Repeated slashes are one. A trailing slash stays.
/// - Path parameters (`;v=1`) stay, but do not hide a segment: see [`starts_with_prefix`].
/// - The query is kept apart and untouched.
///
/// Making it of a path that is canonical already copies nothing, unless it holds parameters, an
/// encoded `%` or encoded bytes beyond ASCII.
///
/// [`starts_with_prefix`]: CanonicalPath::starts_with_prefix
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath {
    path_and_query: PathAndQuery,
}

impl CanonicalPath {
    /// The canonical path of a request target of at most [`DEFAULT_MAX_LENGTH`] bytes.
    ///
    /// Origin-form and absolute-form (RFC 9112 section 3.2) have one; of the latter the path
    /// alone counts.
    ///
    /// # Errors
    ///
    /// Any [`PathErrorKind`].
    pub fn from_uri(uri: &Uri) -> Result<Self, PathError> {
        Self::within(uri, DEFAULT_MAX_LENGTH)
    }

    /// The same with another bound on the target's length, in bytes.
    ///
    /// # Errors
    ///
    /// Any [`PathErrorKind`].
    pub fn within(uri: &Uri, max_length: usize) -> Result<Self, PathError> {
        Self::make(uri, max_length).map_err(PathError::new)
    }

    /// The path: begins with a slash, holds no dot segment and no two slashes in a row.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path_and_query.path()
    }

    /// The query without its question mark, byte for byte as it came.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.path_and_query.query()
    }

    /// Path and query: what goes upstream.
    #[must_use]
    pub const fn path_and_query(&self) -> &PathAndQuery {
        &self.path_and_query
    }

    /// Whether the path lies at or below a prefix.
    ///
    /// Borders are those of segments: `/orders` holds `/orders`, `/orders/` and `/orders/1`, never
    /// `/ordersx`. What follows `;` in a segment, raw or encoded, does not count, nor what follows
    /// an encoded `?` or `#`: many servers serve `/admin` at `/admin;a=1`, so a route that guards
    /// the one must guard the other. For the same reason a character counts as itself however it
    /// is encoded, twice included: `/v1%3Aadmin` lies below `/v1:admin`, though it goes upstream as
    /// it is (RFC 3986 section 2.2 makes the two different URIs; hardly a server does). Letters'
    /// case counts.
    #[must_use]
    pub fn starts_with_prefix(&self, prefix: &Prefix) -> bool {
        let wanted = prefix.without_slash();
        let literally = self
            .path()
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if literally || !has_marks(self.path()) {
            return literally;
        }
        let mut segments = self.path().split('/');
        wanted
            .split('/')
            .all(|wanted| segments.next().is_some_and(|name| same_name(name, wanted)))
    }

    /// The path without its first segments, as they came, and with its query: `/7?x` of
    /// `/orders/7?x` without the first. It is canonical as well.
    pub(crate) fn without_first(&self, segments: usize) -> Self {
        let path = self.path();
        let at = path.match_indices('/').nth(segments).map(|(at, _)| at);
        let rest = at.and_then(|at| path.get(at..)).unwrap_or("/");
        let text = match self.query() {
            Some(query) => format!("{rest}?{query}"),
            None => rest.to_owned(),
        };
        #[expect(
            clippy::expect_used,
            reason = "a part of a path, and its query, make a path again"
        )]
        let path_and_query = PathAndQuery::from_maybe_shared(Bytes::from(text)).expect("a path");
        Self { path_and_query }
    }

    /// Another path with this one's query; nothing where it is not canonical as it stands.
    pub(crate) fn rewritten(&self, path: &str) -> Option<Self> {
        let text = match self.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let target = PathAndQuery::from_maybe_shared(Bytes::from(text)).ok()?;
        let made = Self::within(&Uri::from(target), usize::MAX).ok()?;
        (made.path() == path).then_some(made)
    }

    fn make(uri: &Uri, max_length: usize) -> Result<Self, PathErrorKind> {
        let target = uri.path_and_query().ok_or(PathErrorKind::Authority)?;
        if target.as_str() == "*" {
            return Err(PathErrorKind::Asterisk);
        }
        // In authority-form there is no path at all; `Uri` then says it is empty.
        if uri.path().is_empty() {
            return Err(PathErrorKind::Authority);
        }
        if target.as_str().len() > max_length {
            return Err(PathErrorKind::TooLong);
        }
        if target
            .query()
            .is_some_and(|query| query.bytes().any(is_control))
        {
            return Err(PathErrorKind::Control);
        }
        // An absolute target may lack the path before its query (`http://host?a`).
        if target.as_str().starts_with('/') && is_canonical(target.path()) {
            return Ok(Self {
                path_and_query: target.clone(),
            });
        }
        Self::rebuild(target, max_length)
    }

    fn rebuild(target: &PathAndQuery, max_length: usize) -> Result<Self, PathErrorKind> {
        let mut text = canonicalize(target.path())?;
        if let Some(query) = target.query() {
            text.push('?');
            text.push_str(query);
        }
        if text.len() > max_length {
            return Err(PathErrorKind::TooLong);
        }
        // Never an error: what is left are characters of a path, and the query was parsed before.
        let path_and_query = PathAndQuery::from_maybe_shared(Bytes::from(text))
            .map_err(|_| PathErrorKind::InvalidEncoding)?;
        Ok(Self { path_and_query })
    }
}
