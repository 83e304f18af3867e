use std::time::Duration;

use http::HeaderValue;
use http::uri::Authority;

use crate::setting::{InvalidSetting, check_count, check_duration};
use crate::tls::UpstreamTls;

/// Where an upstream is, and how long to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamConfig {
    /// Host and port; the port is 80 if there is none, or 443 in TLS. What the upstream sees as
    /// `Host`.
    pub authority: Authority,
    /// How it is spoken to in TLS; in the clear by default.
    pub tls: Option<UpstreamTls>,
    /// The longest that a new connection may take, the look-up of the host's name included.
    /// 1 ms to 5 min; 5 s by default, enough for one lost SYN and its repetition.
    pub connect_timeout: Duration,
    /// The longest wait for the head of a response, since the upstream took the last of the
    /// request. 1 ms to 1 h; 60 s by default.
    pub response_timeout: Duration,
    /// The longest that a body may stand still, either way. 1 ms to 1 h; 60 s by default.
    pub body_timeout: Duration,
    /// How long an unused connection is kept. 1 ms to 1 h; 30 s by default. Best shorter than the
    /// upstream's own keep-alive timeout, so that we close first.
    pub idle_timeout: Duration,
    /// How many unused connections are kept. 0 (none) to 65,536; 64 by default.
    pub max_idle: usize,
    /// Bytes in the head of an answer, status line included, and in its trailers. A longer head is
    /// no answer. 1 KiB to 1 MiB; 64 KiB by default.
    pub max_header_size: usize,
    /// Requests under way at once, each until the last of its answer is taken. 1 to 1,000,000;
    /// 10,000 by default, as many as a listener has connections.
    pub max_requests: usize,
    /// Requests that wait for others to end; further ones are answered with 503 at once. 0 to
    /// 65,536; 1,000 by default.
    pub max_waiting: usize,
    /// The longest that a request waits for others to end, before it is answered with 503. 0 to
    /// 1 min; 1 s by default.
    pub wait_timeout: Duration,
}

impl UpstreamConfig {
    /// The defaults, for a host and port.
    #[must_use]
    pub const fn new(authority: Authority) -> Self {
        Self {
            authority,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            max_idle: 64,
            max_header_size: 64 * 1024,
            max_requests: 10_000,
            max_waiting: 1_000,
            wait_timeout: Duration::from_secs(1),
        }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] names the first field that is outside of it.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        const LEAST: Duration = Duration::from_millis(1);
        const HOUR: Duration = Duration::from_hours(1);
        let connect = LEAST..=Duration::from_mins(5);
        check_duration("connect_timeout", self.connect_timeout, connect)?;
        check_duration("response_timeout", self.response_timeout, LEAST..=HOUR)?;
        check_duration("body_timeout", self.body_timeout, LEAST..=HOUR)?;
        check_duration("idle_timeout", self.idle_timeout, LEAST..=HOUR)?;
        check_count("max_idle", self.max_idle, 0..=65_536, "connections")?;
        let size = 1024..=1024 * 1024;
        check_count("max_header_size", self.max_header_size, size, "bytes")?;
        let requests = 1..=1_000_000;
        check_count("max_requests", self.max_requests, requests, "requests")?;
        check_count("max_waiting", self.max_waiting, 0..=65_536, "requests")?;
        let wait = Duration::ZERO..=Duration::from_mins(1);
        check_duration("wait_timeout", self.wait_timeout, wait)?;
        self.host().map(drop)
    }

    /// The authority as the value of `Host`.
    pub(super) fn host(&self) -> Result<HeaderValue, InvalidSetting> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_outside_of_its_range_is_named() {
        let config = UpstreamConfig::new(Authority::from_static("localhost:1"));
        assert_eq!(config.check(), Ok(()));
        let endless = UpstreamConfig {
            response_timeout: Duration::MAX,
            ..config.clone()
        };
        let error = endless.check().unwrap_err();
        assert_eq!(error.field(), "response_timeout");
        assert_eq!(error.to_string(), "`response_timeout` must be 1ms to 3600s");
        let none = UpstreamConfig {
            connect_timeout: Duration::ZERO,
            ..config
        };
        assert_eq!(none.check().unwrap_err().field(), "connect_timeout");
        for authority in ["someone@localhost:1", "localhost:65536", "localhost:"] {
            let named = UpstreamConfig::new(Authority::from_static(authority));
            assert_eq!(named.check().unwrap_err().field(), "authority");
        }
    }
}
