use std::path::PathBuf;
use std::time::Duration;

use http::HeaderMap;

use super::OtlpEndpoint;
use crate::setting::{InvalidSetting, check_count, check_duration};
use crate::tls::{TlsError, UpstreamSecurity, UpstreamTls};

/// Where spans go, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// Where the collector listens.
    pub endpoint: OtlpEndpoint,
    /// What it is spoken to in.
    pub protocol: OtlpProtocol,
    /// What the gateway is called in traces: `service.name`. 1 to 255 bytes; `portcullis` by
    /// default.
    pub service_name: String,
    /// Fields of every request to the collector. Their values are secret.
    pub headers: HeaderMap,
    /// The file of the roots to which the collector's certificate leads; those of the system if
    /// there is none.
    pub roots: Option<PathBuf>,
    /// How long one attempt may take. 10 ms to 1 min; 10 s by default.
    pub timeout: Duration,
    /// The most requests whose spans may wait; those of further ones are lost. 16 to 65,536; 4,096
    /// by default: about 20 MiB at most.
    pub queue: usize,
    /// The most requests whose spans are sent at once, in as many messages as it takes for none to
    /// be longer than 4 MiB. 1 to 4,096; 512 by default.
    pub batch: usize,
    /// How long a batch waits for more. 1 ms to 1 min; 1 s by default.
    pub delay: Duration,
}

/// What a collector is spoken to in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// gRPC, over HTTP/2.
    #[default]
    Grpc,
    /// Protobuf in requests of HTTP.
    Http,
}

impl OtlpConfig {
    /// The defaults, for a collector.
    #[must_use]
    pub fn new(endpoint: OtlpEndpoint) -> Self {
        Self {
            endpoint,
            protocol: OtlpProtocol::default(),
            service_name: "portcullis".to_owned(),
            headers: HeaderMap::new(),
            roots: None,
            timeout: Duration::from_secs(10),
            queue: 4_096,
            batch: 512,
            delay: Duration::from_secs(1),
        }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] names the first field that is outside of it.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let minute = Duration::from_mins(1);
        check_duration("timeout", self.timeout, Duration::from_millis(10)..=minute)?;
        check_duration("delay", self.delay, Duration::from_millis(1)..=minute)?;
        check_count("queue", self.queue, 16..=65_536, "requests")?;
        check_count("batch", self.batch, 1..=4_096, "requests")?;
        if !(1..=255).contains(&self.service_name.len()) {
            return Err(InvalidSetting::new("service_name", "1 to 255 bytes"));
        }
        if self.protocol == OtlpProtocol::Grpc && self.endpoint.has_path() {
            let allowed = "without a path for grpc, whose paths are its own";
            return Err(InvalidSetting::new("endpoint", allowed));
        }
        Ok(())
    }

    /// How the collector shows who it is, where it is spoken to in TLS.
    pub(super) fn tls(&self) -> Option<UpstreamTls> {
        let is_secure = self.endpoint.address().is_secure();
        is_secure.then(|| UpstreamTls {
            roots: self.roots.clone(),
            ..UpstreamTls::default()
        })
    }

    /// Reads and checks the roots.
    pub(crate) fn check_tls(&self) -> Result<(), TlsError> {
        let tls = self.tls();
        let built = tls.map(|tls| UpstreamSecurity::build(&tls, "trace.otlp"));
        built.transpose().map(drop)
    }
}
