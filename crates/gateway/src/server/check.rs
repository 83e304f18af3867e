use std::error::Error;
use std::fmt;

use http::header::{HOST, HeaderMap, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, StatusCode, Version};

/// A request that the gateway does not serve, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestProblem {
    /// HTTP/1.1 without `Host` (RFC 9112 section 3.2). 400.
    NoHost,
    /// More than one `Host` (same place). 400.
    SeveralHosts,
    /// A `Host` that is no host and port. 400.
    InvalidHost,
    /// A transfer coding other than `chunked`, which hyper would hand on as if it were the body.
    /// 501 (RFC 9112 section 6.1).
    TransferCoding,
    /// CONNECT, which would make a tunnel of the connection, or TRACE, which would show the
    /// client what fields we add. 501 (RFC 9110 section 9.1).
    Method,
}

/// Looks at what must hold for every request before anything else is made of it.
///
/// # Errors
///
/// The first [`RequestProblem`] that is found.
pub fn check_request(request: &Parts) -> Result<(), RequestProblem> {
    if matches!(request.method, Method::CONNECT | Method::TRACE) {
        return Err(RequestProblem::Method);
    }
    check_host(&request.headers, request.version)?;
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(RequestProblem::TransferCoding),
    }
}

fn check_host(headers: &HeaderMap, version: Version) -> Result<(), RequestProblem> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(RequestProblem::NoHost),
        (Some(_), Some(_)) => Err(RequestProblem::SeveralHosts),
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err(RequestProblem::InvalidHost),
    }
}

/// RFC 9110 section 7.2: `uri-host [ ":" port ]`, and never empty for the `http` scheme.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    let text = authority.as_str();
    let port_is_number = text
        .strip_prefix(authority.host())
        .and_then(|rest| rest.strip_prefix(':'))
        .is_none_or(|port| port.is_empty() || authority.port_u16().is_some());
    !authority.host().is_empty() && !text.contains('@') && port_is_number
}

impl RequestProblem {
    /// The status of the answer: 400, or 501 for what is never served.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoHost | Self::SeveralHosts | Self::InvalidHost => StatusCode::BAD_REQUEST,
            Self::TransferCoding | Self::Method => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

impl fmt::Display for RequestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHost => "the request has no `Host`",
            Self::SeveralHosts => "the request has more than one `Host`",
            Self::InvalidHost => "the request's `Host` is not a host and port",
            Self::TransferCoding => "the request has a transfer coding other than `chunked`",
            Self::Method => "the request's method is not served",
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
    fn tunnels_and_traces_are_not_served() {
        for method in [Method::CONNECT, Method::TRACE] {
            let found = check(method, Version::HTTP_11, &[("host", "a")]);
            assert_eq!(found, Some(RequestProblem::Method));
        }
    }
}
