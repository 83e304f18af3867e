use std::time::Duration;

use ipnet::IpNet;

use super::Http2Config;
use crate::setting::{InvalidSetting, check_count, check_duration};

/// What one listener allows its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Connections at once; further ones wait in the kernel's queue. 1 to 1,000,000; 10,000 by
    /// default.
    pub max_connections: usize,
    /// Connections at once of one client: an IPv4 address, or a network of 64 bits of IPv6. Further
    /// ones are closed. 1 to 1,000,000; 1,000 by default.
    pub max_connections_per_address: usize,
    /// Networks of proxies that begin each connection with a PROXY header (version 2), by which its
    /// client is known. It is demanded from them, and is a bad request from anybody else. None by
    /// default.
    pub proxy_protocol: Vec<IpNet>,
    /// Networks whose addresses have connections of many clients, which are not counted by address;
    /// those of `proxy_protocol` never are. None by default.
    pub uncounted: Vec<IpNet>,
    /// The longest that the head of a request may take: from the opening of the connection for the
    /// first, from its first byte for those that follow. One that does not end in time is answered
    /// with 408; a connection on which none begins is closed. 1 ms to 10 min; 10 s by default.
    pub header_read_timeout: Duration,
    /// The longest that a connection is kept without a request on it. 1 ms to 1 h; 75 s by
    /// default, longer than the 60 s after which most clients and balancers let go of one.
    pub idle_timeout: Duration,
    /// The longest that a client may take nothing of its answer while there is more to send. 1 ms
    /// to 1 h; 30 s by default.
    pub write_timeout: Duration,
    /// Header fields in a request; more are answered with 431. 1 to 1,000; 100 by default. A
    /// greater number costs an allocation per request.
    pub max_headers: usize,
    /// Bytes in the head of a request, request line included; more are answered with 431, or with
    /// 414 where the request line alone has more. 1 KiB to 1 MiB; 32 KiB by default.
    pub max_header_size: usize,
    /// Requests on one connection. The answer to the last says that the connection closes; in
    /// HTTP/2 no further stream is taken then. 1 to 1,000,000,000; 100,000 by default.
    pub max_requests: usize,
    /// What clients may do that speak HTTP/2; `None` to speak HTTP/1 alone.
    pub http2: Option<Http2Config>,
    /// How long requests may go on after the signal to stop, before their connections are cut.
    /// 0 to 1 h; 30 s by default.
    pub shutdown_timeout: Duration,
    /// How long connections without a request are kept after the signal to stop: a request may be
    /// on its way, and would be lost. Never longer than `shutdown_timeout`. 0 to 1 h; 1 h by
    /// default, so that it is as long.
    pub drain_idle: Duration,
}

/// hyper's own number of header fields, for which it needs no allocation.
pub(super) const DEFAULT_MAX_HEADERS: usize = 100;

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            proxy_protocol: Vec::new(),
            uncounted: Vec::new(),
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            max_headers: DEFAULT_MAX_HEADERS,
            max_header_size: 32 * 1024,
            max_requests: 100_000,
            http2: Some(Http2Config::default()),
            shutdown_timeout: Duration::from_secs(30),
            drain_idle: Duration::from_hours(1),
        }
    }
}

impl ServerConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] names the first field that is outside of it.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        const LEAST: Duration = Duration::from_millis(1);
        const HOUR: Duration = Duration::from_hours(1);
        let head = LEAST..=Duration::from_mins(10);
        let size = 1024..=1024 * 1024;
        check_count(
            "max_connections",
            self.max_connections,
            1..=1_000_000,
            "connections",
        )?;
        check_count(
            "max_connections_per_address",
            self.max_connections_per_address,
            1..=1_000_000,
            "connections",
        )?;
        check_duration("header_read_timeout", self.header_read_timeout, head)?;
        check_duration("idle_timeout", self.idle_timeout, LEAST..=HOUR)?;
        check_duration("write_timeout", self.write_timeout, LEAST..=HOUR)?;
        check_count("max_headers", self.max_headers, 1..=1_000, "fields")?;
        check_count("max_header_size", self.max_header_size, size, "bytes")?;
        check_count(
            "max_requests",
            self.max_requests,
            1..=1_000_000_000,
            "requests",
        )?;
        if let Some(http2) = &self.http2 {
            http2.check()?;
        }
        let end = Duration::ZERO..=HOUR;
        check_duration("shutdown_timeout", self.shutdown_timeout, end.clone())?;
        check_duration("drain_idle", self.drain_idle, end)
    }
}
