use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;
use portcullis::Invalid;

use crate::tls::ServerIdentity;

/// Where an upstream listens: `http://HOST` or `http://HOST:PORT`, or the same with `https`,
/// without a path.
///
/// The path that goes upstream is the request's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamAddress {
    authority: Authority,
    is_secure: bool,
}

impl UpstreamAddress {
    /// Host and port, as they stand in a URI.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Whether it is spoken to in TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }
}

impl FromStr for UpstreamAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || {
            Invalid::new(
                "upstream",
                "http://HOST or http://HOST:PORT, or the same with https, without path, query or \
                 user, for example http://127.0.0.1:3000",
            )
        };
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let authority = uri.authority().ok_or_else(expected)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => true,
            Some(_) => authority.port_u16().is_some_and(|port| port != 0),
            // A user name stands before the host.
            None => false,
        };
        let is_secure = match uri.scheme_str() {
            Some("http") => false,
            // A host that no certificate can be for could never be trusted.
            Some("https") if ServerIdentity::of(authority).is_some() => true,
            _ => return Err(expected()),
        };
        if bare && port && !authority.host().is_empty() {
            Ok(Self {
                authority: authority.clone(),
                is_secure,
            })
        } else {
            Err(expected())
        }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::UpstreamAddress;

    #[test]
    fn an_upstream_is_a_scheme_and_an_authority() {
        for (text, printed) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
            ("HTTP://orders.internal", "http://orders.internal"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://127.0.0.1:3000", "https://127.0.0.1:3000"),
            ("https://orders.internal/", "https://orders.internal"),
        ] {
            let address: UpstreamAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), printed);
        }
        for text in [
            "",
            "http://",
            "http://:80",
            "127.0.0.1:3000",
            "https://",
            "https://a/b",
            "https://a b",
            "ftp://a",
            "http://a/b",
            "http://a?b",
            "http://a#b",
            "http://user@a",
            "http://user:word@a:80",
            "http://a:0",
            "http://a:65536",
            "http://a:",
            "http://a:b",
            "http://a b",
            "/a",
            "*",
            "http://é",
        ] {
            assert!(text.parse::<UpstreamAddress>().is_err(), "{text}");
        }
    }
}
