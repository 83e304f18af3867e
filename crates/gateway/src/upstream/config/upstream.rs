use std::time::Duration;

use http::HeaderValue;
use http::uri::Authority;

use super::{Balance, EjectionConfig, EndpointConfig, HealthConfig, Protocol, RetryConfig};
use crate::setting::{InvalidSetting, check_count, check_duration};
use crate::tls::UpstreamTls;

/// Where an upstream is, how its requests are spread, and how long to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamConfig {
    /// Where it is: 1 to 64 places, each of them one address or a name with several.
    pub endpoints: Vec<EndpointConfig>,
    /// How all of them are spoken to in TLS; in the clear by default.
    pub tls: Option<UpstreamTls>,
    /// What all of them are spoken to in; HTTP/1.1 by default in the clear, and what the upstream
    /// chooses in TLS.
    pub protocol: Protocol,
    /// The host that it is asked for by [`health`](Self::health), each address by its own if there
    /// is none. Requests say themselves which host they are for.
    pub host: Option<HeaderValue>,
    /// How requests are spread over the addresses.
    pub balance: Balance,
    /// How often names are looked up again, a tenth more or less by chance. 100 ms to 1 d; 10 s by
    /// default.
    pub dns_refresh: Duration,
    /// The longest that a new connection may take, and the wait for the first look-up of a name.
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
    /// How many unused connections are kept to each address. 0 (none) to 65,536; 64 by default.
    pub max_idle: usize,
    /// Bytes in the head of an answer, status line included, and in its trailers. A longer head is
    /// no answer. 1 KiB to 1 MiB; 64 KiB by default.
    pub max_header_size: usize,
    /// Requests under way at once at all addresses, each until the last of its answer is taken. 1
    /// to 1,000,000; 10,000 by default, as many as a listener has connections.
    pub max_requests: usize,
    /// Requests that wait for others to end; further ones are answered with 503 at once. 0 to
    /// 65,536; 1,000 by default.
    pub max_waiting: usize,
    /// The longest that a request waits for others to end, before it is answered with 503. 0 to
    /// 1 min; 1 s by default.
    pub wait_timeout: Duration,
    /// What is sent again.
    pub retry: RetryConfig,
    /// When addresses are left out for how they did.
    pub ejection: EjectionConfig,
    /// How addresses are asked whether they are well; not at all by default.
    pub health: Option<HealthConfig>,
}

impl UpstreamConfig {
    /// The most places of one upstream.
    pub const MAX_ENDPOINTS: usize = 64;

    /// The defaults, for a host and port.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        Self {
            endpoints: vec![EndpointConfig::new(authority)],
            tls: None,
            protocol: Protocol::default(),
            host: None,
            balance: Balance::default(),
            dns_refresh: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            max_idle: 64,
            max_header_size: 64 * 1024,
            max_requests: 10_000,
            max_waiting: 1_000,
            wait_timeout: Duration::from_secs(1),
            retry: RetryConfig::default(),
            ejection: EjectionConfig::default(),
            health: None,
        }
    }

    /// The same for other places.
    #[must_use]
    pub fn at(&self, endpoints: Vec<EndpointConfig>) -> Self {
        Self {
            endpoints,
            ..self.clone()
        }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] names the first field that is outside of it.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        self.check_waits()?;
        check_count("max_idle", self.max_idle, 0..=65_536, "connections")?;
        let size = 1024..=1024 * 1024;
        check_count("max_header_size", self.max_header_size, size, "bytes")?;
        let requests = 1..=1_000_000;
        check_count("max_requests", self.max_requests, requests, "requests")?;
        check_count("max_waiting", self.max_waiting, 0..=65_536, "requests")?;
        self.retry.check()?;
        self.ejection.check()?;
        if let Some(health) = &self.health {
            health.check()?;
        }
        let count = 1..=Self::MAX_ENDPOINTS;
        check_count("endpoints", self.endpoints.len(), count, "endpoints")?;
        self.endpoints.iter().try_for_each(EndpointConfig::check)
    }

    fn check_waits(&self) -> Result<(), InvalidSetting> {
        const LEAST: Duration = Duration::from_millis(1);
        const HOUR: Duration = Duration::from_hours(1);
        let connect = LEAST..=Duration::from_mins(5);
        check_duration("connect_timeout", self.connect_timeout, connect)?;
        check_duration("response_timeout", self.response_timeout, LEAST..=HOUR)?;
        check_duration("body_timeout", self.body_timeout, LEAST..=HOUR)?;
        check_duration("idle_timeout", self.idle_timeout, LEAST..=HOUR)?;
        let refresh = Duration::from_millis(100)..=Duration::from_hours(24);
        check_duration("dns_refresh", self.dns_refresh, refresh)?;
        let wait = Duration::ZERO..=Duration::from_mins(1);
        check_duration("wait_timeout", self.wait_timeout, wait)
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
            ..config.clone()
        };
        assert_eq!(none.check().unwrap_err().field(), "connect_timeout");
        let nowhere = config.at(Vec::new());
        assert_eq!(nowhere.check().unwrap_err().field(), "endpoints");
        for authority in ["someone@localhost:1", "localhost:65536", "localhost:"] {
            let named = UpstreamConfig::new(Authority::from_static(authority));
            assert_eq!(named.check().unwrap_err().field(), "authority");
        }
    }
}
