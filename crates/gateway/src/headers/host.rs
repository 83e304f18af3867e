//! Which host an upstream is asked for.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use http::HeaderMap;
use http::header::{HOST, HeaderValue};
use http::uri::Authority;

/// What stands in the `Host` of requests to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostPolicy {
    /// The upstream's own address.
    #[default]
    Upstream,
    /// The host that the request was routed by, in its canonical spelling; the upstream's own where
    /// it names none.
    Preserve,
    /// Always this one.
    Fixed(HeaderValue),
}

/// The host that a request asked for, in its canonical spelling and with its port: what it was
/// routed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedHost(pub(crate) Box<str>);

/// Not what an upstream can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidHostPolicy;

impl HostPolicy {
    /// Leaves the field as it goes upstream. Without it the upstream sets its own.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, asked: Option<&AskedHost>) {
        headers.remove(HOST);
        let host = match self {
            Self::Upstream => None,
            Self::Preserve => asked.and_then(|host| HeaderValue::from_str(&host.0).ok()),
            Self::Fixed(name) => Some(name.clone()),
        };
        if let Some(host) = host {
            headers.insert(HOST, host);
        }
    }
}

impl FromStr for HostPolicy {
    type Err = InvalidHostPolicy;

    /// # Errors
    ///
    /// [`InvalidHostPolicy`] for what is neither `upstream`, nor `preserve`, nor a host.
    fn from_str(text: &str) -> Result<Self, InvalidHostPolicy> {
        match text {
            "upstream" => return Ok(Self::Upstream),
            "preserve" => return Ok(Self::Preserve),
            _ => {}
        }
        let authority: Authority = text.parse().map_err(|_| InvalidHostPolicy)?;
        let rest = text.strip_prefix(authority.host());
        let plain = rest.is_some_and(|rest| rest.is_empty() || authority.port_u16().is_some());
        match HeaderValue::from_str(text) {
            Ok(name) if plain && !authority.host().is_empty() => Ok(Self::Fixed(name)),
            _ => Err(InvalidHostPolicy),
        }
    }
}

impl fmt::Display for InvalidHostPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected upstream for its own address, preserve for the host that the client asked \
             for, or a host, for example orders.internal",
        )
    }
}

impl Error for InvalidHostPolicy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_asked_for_what_its_policy_says() {
        let asked = AskedHost("asked.test:81".into());
        for (policy, asked, expected) in [
            ("upstream", Some(&asked), None),
            ("preserve", Some(&asked), Some("asked.test:81")),
            ("preserve", None, None),
            (
                "orders.internal:80",
                Some(&asked),
                Some("orders.internal:80"),
            ),
            ("[::1]", None, Some("[::1]")),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(HOST, HeaderValue::from_static("Client.test"));
            headers.append(HOST, HeaderValue::from_static("two.test"));
            let parsed: HostPolicy = policy.parse().expect(policy);
            parsed.apply(&mut headers, asked);
            let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
            assert_eq!(hosts, Vec::from_iter(expected), "{policy}");
        }
        for text in ["", "a b", "http://a", "u@a", "a/b", "a:", "a:99999", ":80"] {
            assert_eq!(text.parse::<HostPolicy>(), Err(InvalidHostPolicy), "{text}");
        }
    }
}
