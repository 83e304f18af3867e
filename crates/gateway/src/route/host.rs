use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Scheme;

use crate::headers::host::AskedHost;
use crate::server::Secured;

/// Which hosts a route answers for. The most specific one that has any route owns a request: an
/// exact name before the longest `*.suffix`, and that before any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum HostPattern {
    /// Whatever is asked for, nothing at all included.
    #[default]
    Any,
    /// This name or address, without a port.
    Exact(Box<str>),
    /// All names that have at least one label before this one, kept without `*.`.
    Suffix(Box<str>),
}

/// The one host of a request: lower case, without the dot that may end a name; and its port.
///
/// It is the target's (absolute-form, RFC 9112 section 3.2.2), else that of `Host`. A request that
/// names two is refused: routed by the one, an upstream might serve it by the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHost<'a> {
    host: Cow<'a, str>,
    /// Where it is said, and is not the scheme's own.
    port: Option<u16>,
}

/// Why a request has no one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostProblem {
    /// A name with an empty label, or an address in brackets that is none.
    Name,
    /// The target and `Host` are not of one host and port.
    Two,
}

/// A host pattern that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidHost;

impl<'a> RequestHost<'a> {
    /// The host of a request whose authorities were checked; nothing where it names none, as
    /// HTTP/1.0 allows.
    ///
    /// # Errors
    ///
    /// [`HostProblem`].
    pub(crate) fn of(parts: &'a Parts) -> Result<Option<Self>, HostProblem> {
        let field = match parts.headers.get(HOST) {
            Some(value) => Some(split(value.to_str().map_err(|_| HostProblem::Name)?)?),
            None => None,
        };
        let target = match parts.uri.authority() {
            Some(authority) => Some(split(authority.as_str())?),
            None => None,
        };
        let is_secure = match parts.uri.scheme() {
            Some(scheme) => *scheme == Scheme::HTTPS,
            None => parts.extensions.get::<Secured>().is_some(),
        };
        let default = if is_secure { 443 } else { 80 };
        if let (Some((field, port)), Some((target, other))) = (&field, &target)
            && (field != target || port.unwrap_or(default) != other.unwrap_or(default))
        {
            return Err(HostProblem::Two);
        }
        Ok(target.or(field).map(|(host, port)| Self {
            host,
            port: port.filter(|port| *port != default),
        }))
    }

    /// Without its port: what routes are found by.
    pub(crate) fn as_str(&self) -> &str {
        &self.host
    }

    /// With its port: what the client asked for.
    pub(super) fn asked(&self) -> AskedHost {
        AskedHost(match self.port {
            Some(port) => format!("{}:{port}", self.host).into(),
            None => (&*self.host).into(),
        })
    }
}

/// Canonical host and the port of an authority.
fn split(authority: &str) -> Result<(Cow<'_, str>, Option<u16>), HostProblem> {
    // The colon before a port is behind all of an address in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let port = match port {
        "" => None,
        digits => Some(digits.parse().map_err(|_| HostProblem::Name)?),
    };
    Ok((canonical(host).ok_or(HostProblem::Name)?, port))
}

/// The one spelling of a host; nothing where it is none.
fn canonical(host: &str) -> Option<Cow<'_, str>> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.split('.').any(str::is_empty) {
        return None;
    }
    Some(if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
}

impl FromStr for HostPattern {
    type Err = InvalidHost;

    /// # Errors
    ///
    /// [`InvalidHost`] for what no host can be, a port among it.
    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (suffix, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let host = canonical(name).ok_or(InvalidHost)?;
        if host.starts_with('[') && !suffix {
            return Ok(Self::Exact(host.into()));
        }
        if host.len() > 253 || !host.split('.').all(is_label) {
            return Err(InvalidHost);
        }
        Ok(match suffix {
            true => Self::Suffix(host.into()),
            false => Self::Exact(host.into()),
        })
    }
}

/// RFC 1123 section 2.1, and the underscore, which names in use have.
fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    label.len() <= 63
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for HostProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the request's host is none",
            Self::Two => "the request's target and its `Host` name two hosts",
        })
    }
}

impl fmt::Display for InvalidHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected a host without a port, for example api.example.com, *.example.com for all \
             below it, or [::1]; other letters than a to z in their xn-- form",
        )
    }
}

impl Error for HostProblem {}

impl Error for InvalidHost {}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn host_of(target: &str, host: Option<&str>) -> Result<Option<String>, HostProblem> {
        let mut request = Request::builder().uri(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let (parts, ()) = request.body(()).expect(target).into_parts();
        let host = RequestHost::of(&parts)?;
        Ok(host.map(|host| host.as_str().to_owned()))
    }

    #[test]
    fn what_is_asked_for_is_told_in_one_spelling_with_its_port() {
        for (target, host, expected) in [
            ("/", "API.Example.com.:8080", "api.example.com:8080"),
            ("/", "api.example.com:080", "api.example.com"),
            ("/", "api.example.com:", "api.example.com"),
            ("http://A.test:081/", "a.test:81", "a.test:81"),
            ("/", "[0::1]:81", "[::1]:81"),
        ] {
            let request = Request::builder().uri(target).header("host", host);
            let (parts, ()) = request.body(()).expect(target).into_parts();
            let asked = RequestHost::of(&parts).map(|host| host.map(|host| host.asked()));
            assert_eq!(asked, Ok(Some(AskedHost(expected.into()))), "{host}");
        }
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (host, expected) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM.:8080", "api.example.com"),
            ("api.example.com:", "api.example.com"),
            ("[::1]", "[::1]"),
            ("[0:0::0:1]:80", "[::1]"),
            ("127.0.0.1:1", "127.0.0.1"),
        ] {
            assert_eq!(
                host_of("/", Some(host)),
                Ok(Some(expected.into())),
                "{host}"
            );
        }
        for host in ["a..b", ".a", "a..", ".", "[::1", "[a]:80"] {
            assert_eq!(host_of("/", Some(host)), Err(HostProblem::Name), "{host}");
        }
        assert_eq!(host_of("/", None), Ok(None));
    }

    #[test]
    fn target_and_field_name_one_host_or_none_is_taken() {
        for (target, host) in [
            ("http://open/x", "open"),
            ("http://OPEN/x", "open.:80"),
            ("http://open:80/x", "open"),
            ("https://open/x", "open:443"),
            ("http://open:8080/x", "Open:8080"),
        ] {
            assert_eq!(
                host_of(target, Some(host)),
                Ok(Some("open".into())),
                "{target} {host}"
            );
        }
        assert_eq!(host_of("http://open/", None), Ok(Some("open".into())));
        for (target, host) in [
            ("http://open/x", "admin"),
            ("http://admin/x", "open"),
            ("http://open:81/x", "open"),
            ("http://open/x", "open:443"),
            ("http://open/x", "open.example"),
        ] {
            assert_eq!(
                host_of(target, Some(host)),
                Err(HostProblem::Two),
                "{target} {host}"
            );
        }
    }

    #[test]
    fn a_pattern_is_a_name_a_suffix_or_any() {
        let exact = |text: &str| HostPattern::Exact(text.into());
        let suffix = |text: &str| HostPattern::Suffix(text.into());
        for (text, expected) in [
            ("*", HostPattern::Any),
            ("Api.Example.com.", exact("api.example.com")),
            ("*.Example.com", suffix("example.com")),
            ("[0::1]", exact("[::1]")),
            ("127.0.0.1", exact("127.0.0.1")),
            ("my_host", exact("my_host")),
            ("xn--caf-dma.fr", exact("xn--caf-dma.fr")),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in [
            "", ".", "a..b", "*.", "**", "*.*.a", "a.*", "*a.b", "a:80", "a/b", "é.fr", "-a", "a-",
            "*.[::1]", "[::1]:80", "a b", "http://a",
        ] {
            assert_eq!(text.parse::<HostPattern>(), Err(InvalidHost), "{text}");
        }
        assert!(
            format!("{}.com", "a".repeat(64))
                .parse::<HostPattern>()
                .is_err()
        );
    }
}
