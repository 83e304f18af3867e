use std::error::Error;
use std::fmt;
use std::str::FromStr;

use http::header::{HeaderValue, LOCATION};
use http::uri::Scheme;
use http::{Response, StatusCode, Uri};

use crate::body::ProxyBody;
use crate::path::CanonicalPath;

/// Where an answer sends its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) to: RedirectTarget,
    pub(crate) status: StatusCode,
}

/// A URI, or a path of this host; with the request's own path and query behind it, if so written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedirectTarget {
    base: Box<str>,
    with_path: bool,
}

/// Not where a client can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidTarget;

/// What stands for the canonical path and the query of the request.
const PATH: &str = "{path}";

impl Redirect {
    pub(crate) const STATUSES: [StatusCode; 5] = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];

    pub(super) fn respond(&self, path: &CanonicalPath) -> Response<ProxyBody> {
        let mut response = Response::new(ProxyBody::empty());
        *response.status_mut() = self.status;
        if let Ok(location) = HeaderValue::try_from(self.to.of(path)) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

impl RedirectTarget {
    fn of(&self, path: &CanonicalPath) -> String {
        let mut target = self.base.to_string();
        if self.with_path {
            target.push_str(path.path_and_query().as_str());
        }
        target
    }
}

impl FromStr for RedirectTarget {
    type Err = InvalidTarget;

    /// # Errors
    ///
    /// [`InvalidTarget`] for another scheme than `http` and `https`, a path that is none or that
    /// clients take for a host (`//a`), and whatever a request's path must not follow.
    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let (base, with_path) = match text.strip_suffix(PATH) {
            Some(base) => (base, true),
            None => (text, false),
        };
        let printed = base.bytes().all(|byte| byte.is_ascii_graphic());
        if !printed || base.contains(['{', '}', '\\', '"', '<', '>', '`', '^', '|']) {
            return Err(InvalidTarget);
        }
        // The path brings its own slash, and its query with it.
        if with_path && (base.ends_with('/') || base.contains(['?', '#'])) {
            return Err(InvalidTarget);
        }
        let of_this_host = base.starts_with('/') && !base.starts_with("//");
        match of_this_host || is_http(base) {
            true => Ok(Self {
                base: base.into(),
                with_path,
            }),
            false => Err(InvalidTarget),
        }
    }
}

fn is_http(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let served = uri
        .scheme()
        .is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    let host = uri
        .authority()
        .filter(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    served && host.is_some()
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an http or https URI, or a path, with {path} at its end or not, for example \
             https://example.com{path}",
        )
    }
}

impl Error for InvalidTarget {}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(to: &str, target: &str) -> String {
        let redirect = Redirect {
            to: to.parse().expect(to),
            status: StatusCode::FOUND,
        };
        let path = CanonicalPath::from_uri(&target.parse().expect(target)).expect(target);
        let response = redirect.respond(&path);
        assert_eq!(response.status(), 302);
        let location = response.headers()[LOCATION].to_str();
        location.expect("text").to_owned()
    }

    #[test]
    fn a_client_is_sent_where_it_is_written_with_its_canonical_path() {
        for (to, target, expected) in [
            (
                "https://b.test{path}",
                "/x/../%61?q=//c",
                "https://b.test/a?q=//c",
            ),
            (
                "https://b.test{path}",
                "//evil.test/x",
                "https://b.test/evil.test/x",
            ),
            ("/new{path}", "//evil.test", "/new/evil.test"),
            ("/new", "/a?b", "/new"),
            ("https://b.test/x?y=1#z", "/a", "https://b.test/x?y=1#z"),
        ] {
            assert_eq!(location(to, target), expected);
        }
    }

    #[test]
    fn what_is_no_place_to_send_a_client_is_refused() {
        for text in [
            "",
            "{path}",
            "a",
            "//evil.test",
            "//evil.test{path}",
            "/{path}",
            "/\\evil.test",
            "https://b.test/{path}",
            "https://b.test?x={path}",
            "https://{path}",
            "https://",
            "ftp://a/b",
            "javascript:alert(1)",
            "https://u@b.test",
            "https://b.test/{id}",
            "/a b",
            "/é",
            "https://b.test{path}x",
            "/a\r\nx: y",
        ] {
            assert_eq!(text.parse::<RedirectTarget>(), Err(InvalidTarget), "{text}");
        }
    }
}
