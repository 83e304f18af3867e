use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::PathAndQuery;
use portcullis::Invalid;

use crate::config::UpstreamAddress;

/// Where a collector listens: `http://HOST:PORT` or `https://HOST:PORT`, and the path under which
/// its paths are, if they are not at the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpEndpoint {
    address: UpstreamAddress,
    /// Without the slash at its end; empty for the root.
    base: String,
}

/// The longest path.
const LONGEST_BASE: usize = 1_024;

impl OtlpEndpoint {
    /// Scheme, host and port.
    #[must_use]
    pub const fn address(&self) -> &UpstreamAddress {
        &self.address
    }

    pub(super) fn has_path(&self) -> bool {
        !self.base.is_empty()
    }

    /// One of its paths.
    #[cfg_attr(
        not(feature = "otlp"),
        expect(dead_code, reason = "nothing is sent without the feature")
    )]
    pub(super) fn path(&self, path: &str) -> Option<PathAndQuery> {
        format!("{}{path}", self.base).parse().ok()
    }
}

impl FromStr for OtlpEndpoint {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            let expected = "http://HOST:PORT or https://HOST:PORT, and a path if there is one, \
                            without query or user, for example http://127.0.0.1:4317";
            Invalid::new("endpoint", expected)
        };
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(invalid)?;
        let address = format!("{scheme}://{authority}").parse();
        let base = uri.path().trim_end_matches('/');
        if uri.query().is_some() || text.contains('#') || base.len() > LONGEST_BASE {
            return Err(invalid());
        }
        Ok(Self {
            address: address.map_err(|_| invalid())?,
            base: base.to_owned(),
        })
    }
}

impl fmt::Display for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.address, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::OtlpEndpoint;

    #[test]
    fn an_endpoint_is_an_address_and_perhaps_a_path() {
        for (text, printed) in [
            ("http://127.0.0.1:4317", "http://127.0.0.1:4317"),
            ("http://127.0.0.1:4317/", "http://127.0.0.1:4317"),
            (
                "https://otel.test:4318/otlp/",
                "https://otel.test:4318/otlp",
            ),
        ] {
            let endpoint: OtlpEndpoint = text.parse().expect(text);
            assert_eq!(endpoint.to_string(), printed);
            assert_eq!(endpoint.has_path(), printed.ends_with("otlp"));
        }
        for text in [
            "",
            "127.0.0.1:4317",
            "grpc://127.0.0.1:4317",
            "http://user:word@a:4317",
            "http://a:4317/?token=x",
            "http://a:4317/#x",
            "http://a:0",
            "/v1/traces",
        ] {
            assert!(text.parse::<OtlpEndpoint>().is_err(), "{text}");
        }
    }
}
