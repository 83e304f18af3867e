use std::error::Error;
use std::fmt;

use http::header::{EXPECT, HOST, HeaderMap, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Method, StatusCode, Uri, Version};

/// A request that the gateway does not serve, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestProblem {
    /// HTTP/1.1 without `Host` (RFC 9112 section 3.2), or HTTP/2 without either `:authority` or
    /// that (RFC 9113 section 8.3.1). 400.
    NoHost,
    /// More than one `Host` (same place). 400.
    SeveralHosts,
    /// A `Host` that is no host and port. 400.
    InvalidHost,
    /// A target in absolute-form (RFC 9112 section 3.2.2) with another scheme than `http` and
    /// `https`, or with something else than a host and port before its path; in HTTP/2 also a
    /// `:path` without a slash at its beginning (RFC 9113 section 8.3.1). 400.
    Target,
    /// A transfer coding other than `chunked`, which hyper would hand on as if it were the body.
    /// 501 (RFC 9112 section 6.1).
    TransferCoding,
    /// CONNECT, which would make a tunnel of the connection, or TRACE, which would show the
    /// client what fields we add. 501 (RFC 9110 section 9.1). A method with a small letter is
    /// another one by that section, and not to the many servers that read `post` as POST: what
    /// POST needs would not be asked for.
    Method,
    /// An `Expect` of anything but `100-continue`, which nobody behind is told of. 417
    /// (RFC 9110 section 10.1.1).
    Expectation,
}

/// Looks at what must hold for every request before anything else is made of it.
///
/// # Errors
///
/// The first [`RequestProblem`] that is found.
pub fn check_request(request: &Parts) -> Result<(), RequestProblem> {
    let small = |byte: u8| byte.is_ascii_lowercase();
    if matches!(request.method, Method::CONNECT | Method::TRACE)
        || request.method.as_str().bytes().any(small)
    {
        return Err(RequestProblem::Method);
    }
    check_target(&request.uri)?;
    if request.version == Version::HTTP_2 {
        check_pseudo_fields(&request.uri, &request.headers)?;
    } else {
        check_host(&request.headers, request.version)?;
    }
    let mut expectations = request.headers.get_all(EXPECT).iter();
    if expectations.any(|line| !line.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(RequestProblem::Expectation);
    }
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(RequestProblem::TransferCoding),
    }
}

/// The authority of a target counts before `Host`, so the same must hold of it.
fn check_target(target: &Uri) -> Result<(), RequestProblem> {
    let served = target
        .scheme()
        .is_none_or(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    match target.authority() {
        Some(authority) if !is_host(authority) => Err(RequestProblem::Target),
        _ if !served => Err(RequestProblem::Target),
        _ => Ok(()),
    }
}

/// What was `:path` is kept as it came. `*` has a refusal of its own.
fn check_pseudo_fields(target: &Uri, headers: &HeaderMap) -> Result<(), RequestProblem> {
    let path = target.path_and_query();
    // Of a fragment alone nothing is left, which is shown as a slash but for here.
    let is_empty = path.is_none_or(|path| Uri::from(path.clone()).path().is_empty());
    let text = path.map_or("", |path| path.as_str());
    if is_empty || !(text.starts_with('/') || text == "*") {
        return Err(RequestProblem::Target);
    }
    // Whether the two are of one host is looked at where the host is made.
    match (target.authority(), headers.contains_key(HOST)) {
        (Some(_), false) => Ok(()),
        (_, true) | (None, false) => check_host(headers, Version::HTTP_2),
    }
}

fn check_host(headers: &HeaderMap, version: Version) -> Result<(), RequestProblem> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(RequestProblem::NoHost),
        (Some(_), Some(_)) => Err(RequestProblem::SeveralHosts),
        (Some(host), None) => match Authority::try_from(host.as_bytes()) {
            Ok(host) if is_host(&host) => Ok(()),
            _ => Err(RequestProblem::InvalidHost),
        },
    }
}

/// RFC 9110 section 7.2: `uri-host [ ":" port ]`, and never empty for the `http` scheme.
fn is_host(authority: &Authority) -> bool {
    let text = authority.as_str();
    let port_is_number = text
        .strip_prefix(authority.host())
        .and_then(|rest| rest.strip_prefix(':'))
        .is_none_or(|port| port.is_empty() || authority.port_u16().is_some());
    !authority.host().is_empty() && !text.contains('@') && port_is_number
}

impl RequestProblem {
    /// The status of the answer: 400, 501 for what is never served, or 417.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoHost | Self::SeveralHosts | Self::InvalidHost | Self::Target => {
                StatusCode::BAD_REQUEST
            }
            Self::TransferCoding | Self::Method => StatusCode::NOT_IMPLEMENTED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
        }
    }
}

impl fmt::Display for RequestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHost => "the request has no `Host`",
            Self::SeveralHosts => "the request has more than one `Host`",
            Self::InvalidHost => "the request's `Host` is not a host and port",
            Self::Target => "the request's target is not that of an http host",
            Self::TransferCoding => "the request has a transfer coding other than `chunked`",
            Self::Method => "the request's method is not served",
            Self::Expectation => "the request expects something else than `100-continue`",
        })
    }
}

impl Error for RequestProblem {}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(method: Method, version: Version, fields: &[(&str, &str)]) -> Option<RequestProblem> {
        let mut request = Request::builder().method(method).version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        check_request(&request.body(()).unwrap().into_parts().0).err()
    }

    #[test]
    fn host_is_there_once_and_is_a_host() {
        let with = |fields: &[(&str, &str)]| check(Method::GET, Version::HTTP_11, fields);
        for host in [
            "example.com",
            "example.com:8080",
            "127.0.0.1:1",
            "[::1]:80",
            "a:",
        ] {
            assert_eq!(with(&[("host", host)]), None, "{host}");
        }
        for host in [
            "", " ", "a/b", "u@a", "a b", "a:x", "a:99999", "a?b", "http://a",
        ] {
            let invalid = Some(RequestProblem::InvalidHost);
            assert_eq!(with(&[("host", host)]), invalid, "{host}");
        }
        assert_eq!(with(&[]), Some(RequestProblem::NoHost));
        assert_eq!(
            with(&[("host", "a"), ("host", "a")]),
            Some(RequestProblem::SeveralHosts)
        );
        assert_eq!(check(Method::GET, Version::HTTP_10, &[]), None);
    }

    #[test]
    fn authority_of_a_target_is_a_host_too() {
        let with = |target: &str| {
            let request = Request::builder().uri(target).header("host", "good");
            check_request(&request.body(()).unwrap().into_parts().0).err()
        };
        for target in [
            "/",
            "http://a/b",
            "HTTPS://a:443/b",
            "http://[::1]:80",
            "a:80",
        ] {
            assert_eq!(with(target), None, "{target}");
        }
        for target in [
            "http://user:secret@evil/orders",
            "http://user@evil",
            "http://evil:99999/",
            "ftp://a/b",
            "ws://a/b",
        ] {
            assert_eq!(with(target), Some(RequestProblem::Target), "{target}");
        }
    }

    #[test]
    fn a_request_of_http2_has_an_authority_or_a_host_and_a_path() {
        let with = |target: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(target).version(Version::HTTP_2);
            for host in hosts {
                request = request.header("host", *host);
            }
            check_request(&request.body(()).unwrap().into_parts().0).err()
        };
        assert_eq!(with("http://a/b", &[]), None);
        assert_eq!(with("/b", &["a"]), None);
        assert_eq!(with("*", &["a"]), None, "the path has a refusal for it");
        // Whether they are the same is looked at with the routes.
        assert_eq!(with("http://a/b", &["b"]), None);
        assert_eq!(with("/b", &[]), Some(RequestProblem::NoHost));
        let several = Some(RequestProblem::SeveralHosts);
        assert_eq!(with("http://a/b", &["a", "a"]), several);
        let invalid = Some(RequestProblem::InvalidHost);
        assert_eq!(with("http://a/b", &["u@a"]), invalid);
        let target = Some(RequestProblem::Target);
        assert_eq!(with("http://u@a/b", &[]), target);
        assert_eq!(with("http://a?x", &[]), target);
    }

    #[test]
    fn only_chunked_is_decoded() {
        let with = |codings: &[&str]| {
            let mut fields = vec![("host", "a")];
            fields.extend(codings.iter().map(|coding| ("transfer-encoding", *coding)));
            check(Method::POST, Version::HTTP_11, &fields)
        };
        assert_eq!(with(&["Chunked"]), None);
        for codings in [
            &["gzip, chunked"][..],
            &["gzip"],
            &["gzip", "chunked"],
            &["chunked, chunked"],
        ] {
            assert_eq!(
                with(codings),
                Some(RequestProblem::TransferCoding),
                "{codings:?}"
            );
        }
    }

    #[test]
    fn only_one_expectation_is_known() {
        let found = |value| {
            check(
                Method::PUT,
                Version::HTTP_11,
                &[("host", "a"), ("expect", value)],
            )
        };
        assert_eq!(found("100-Continue"), None);
        for value in ["", "200-ok", "100-continue, x"] {
            assert_eq!(found(value), Some(RequestProblem::Expectation), "{value}");
        }
    }

    #[test]
    fn tunnels_and_traces_are_not_served() {
        for method in [Method::CONNECT, Method::TRACE] {
            let found = check(method, Version::HTTP_11, &[("host", "a")]);
            assert_eq!(found, Some(RequestProblem::Method));
        }
    }

    #[test]
    fn a_method_that_some_servers_read_as_another_is_not_served() {
        let found = |name: &str| {
            let method = Method::from_bytes(name.as_bytes()).expect(name);
            check(method, Version::HTTP_11, &[("host", "a")])
        };
        for name in ["post", "Post", "POSt", "x-PURGE"] {
            assert_eq!(found(name), Some(RequestProblem::Method), "{name}");
        }
        for name in ["POST", "PURGE", "M-SEARCH", "QUERY"] {
            assert_eq!(found(name), None, "{name}");
        }
    }
}
