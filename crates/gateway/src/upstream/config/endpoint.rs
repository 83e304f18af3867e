use http::HeaderValue;
use http::uri::Authority;

use crate::setting::InvalidSetting;

/// One of the places where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointConfig {
    /// Host and port; the port is 80 if there is none, or 443 in TLS. What the upstream sees as `Host`. Each
    /// address of a name is a member of its own, and together they have the weight of one.
    pub authority: Authority,
    /// How much of the upstream's requests it gets, beside the weights of the others. 1 to 1,000;
    /// 1 by default.
    pub weight: usize,
}

impl EndpointConfig {
    /// The greatest weight.
    pub const MAX_WEIGHT: usize = 1_000;

    /// At a host and port, with weight 1.
    #[must_use]
    pub const fn new(authority: Authority) -> Self {
        Self {
            authority,
            weight: 1,
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        if !(1..=Self::MAX_WEIGHT).contains(&self.weight) {
            return Err(InvalidSetting::new("weight", "1 to 1000"));
        }
        self.host().map(drop)
    }

    /// The authority as the value of `Host`.
    pub(in crate::upstream) fn host(&self) -> Result<HeaderValue, InvalidSetting> {
        let authority = self.authority.as_str();
        let host = self.authority.host();
        // What is no port reads like none at all.
        let has_port = authority == host || self.authority.port_u16().is_some();
        HeaderValue::from_str(authority)
            .ok()
            .filter(|_| !authority.contains('@') && !host.is_empty() && has_port)
            .ok_or_else(|| InvalidSetting::new("authority", "a host, or a host and a port"))
    }
}
