//! The file as it is written: every field optional, every value with its place.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;
use portcullis::key::Environment;
use portcullis::limits::Rate;
use portcullis::scope::Permission;
use portcullis::service::ServiceName;
use portcullis::token;
use serde::Deserialize;
use toml::Spanned;

use super::lifetime::Lifetime;
use super::name::{Auth, CertificateName, CorsOrigin, CutOff, Name, ServerName, Verify};
use super::needs::Needs;
use super::pairs::Pairs;
use super::parsed::Parsed;
use super::section::Section;
use super::upstream_file::Upstream;
use super::{HumanDuration, UpstreamAddress};
use crate::body::BodyRate;
use crate::headers::origin::OriginField;
use crate::headers::trace_context::Inbound;
use crate::headers::upgrade::Protocol;
use crate::path;
use crate::route::{HostPattern, PatternText, RedirectTarget};
use crate::spans::{OtlpEndpoint, OtlpProtocol};
use crate::tls::TlsVersion;

/// A value of its own text form, if given, and its place.
pub(super) type Text<T> = Option<Spanned<Parsed<T>>>;

/// Permissions, each with its place.
pub(super) type Permissions = Vec<Spanned<Parsed<Permission>>>;

/// A whole number, if given, and its place. Signed, so that a negative one is told its range.
pub(super) type Count = Option<Spanned<i64>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Text<SocketAddr>,
    pub(super) tls: Option<Spanned<Section<Tls>>>,
    pub(super) operations: Section<Operations>,
    pub(super) store: Section<Place>,
    pub(super) keyring: Section<Place>,
    pub(super) manager: Section<Manager>,
    pub(super) timeouts: Section<Timeouts>,
    pub(super) limits: Section<Limits>,
    pub(super) proxy_protocol: Section<ProxyProtocol>,
    pub(super) http2: Section<Http2>,
    pub(super) forwarded: Section<Forwarded>,
    pub(super) trace: Section<Trace>,
    pub(super) credentials: Section<Credentials>,
    pub(super) access_log: Option<Section<AccessLog>>,
    pub(super) services: Vec<Spanned<Section<Service>>>,
    pub(super) upstreams: Vec<Spanned<Section<Upstream>>>,
    pub(super) routes: Vec<Spanned<Section<Route>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    pub(super) listen: Text<SocketAddr>,
    pub(super) minimum: Text<TlsVersion>,
    pub(super) strict_sni: Option<Spanned<bool>>,
    pub(super) certificates: Vec<Spanned<Section<Certificate>>>,
    pub(super) clients: Option<Spanned<Section<Clients>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Certificate {
    pub(super) names: Vec<Spanned<Parsed<CertificateName>>>,
    pub(super) certificate: Option<Spanned<PathBuf>>,
    pub(super) key: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Clients {
    pub(super) verify: Text<Verify>,
    pub(super) roots: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UpstreamTls {
    pub(super) roots: Option<Spanned<PathBuf>>,
    pub(super) certificate: Option<Spanned<PathBuf>>,
    pub(super) key: Option<Spanned<PathBuf>>,
    pub(super) server_name: Text<ServerName>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Operations {
    pub(super) listen: Text<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Place {
    pub(super) path: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Manager {
    pub(super) cache_ttl: Text<HumanDuration>,
    pub(super) cache_capacity: Count,
    pub(super) warm_up: Count,
    pub(super) negative_ttl: Text<HumanDuration>,
    pub(super) max_staleness: Text<HumanDuration>,
    pub(super) poll_interval: Text<HumanDuration>,
    pub(super) flush_interval: Text<HumanDuration>,
    pub(super) store_timeout: Text<HumanDuration>,
    pub(super) rotation_grace: Text<HumanDuration>,
    pub(super) default_lifetime: Text<Lifetime>,
    pub(super) max_lifetime: Text<Lifetime>,
    pub(super) default_quota: Count,
    pub(super) prefix: Text<token::Prefix>,
    pub(super) environment: Text<Environment>,
    pub(super) namespace: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Timeouts {
    pub(super) header: Text<HumanDuration>,
    pub(super) idle: Text<HumanDuration>,
    pub(super) write: Text<HumanDuration>,
    pub(super) connect: Text<HumanDuration>,
    pub(super) response: Text<HumanDuration>,
    pub(super) body: Text<HumanDuration>,
    pub(super) upstream_idle: Text<HumanDuration>,
    pub(super) shutdown: Text<HumanDuration>,
    pub(super) drain_idle: Text<HumanDuration>,
    pub(super) tunnel_idle: Text<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) connections: Count,
    pub(super) connections_per_address: Count,
    pub(super) header_bytes: Count,
    pub(super) headers: Count,
    pub(super) path_bytes: Count,
    pub(super) requests_per_connection: Count,
    pub(super) body_bytes: Count,
    pub(super) body_rate: Text<BodyRate>,
    pub(super) idle_upstream_connections: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProxyProtocol {
    pub(super) networks: Vec<Spanned<Parsed<IpNet>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http2 {
    pub(super) enabled: Option<Spanned<bool>>,
    pub(super) streams: Count,
    pub(super) ping: Text<HumanDuration>,
    pub(super) resets: Count,
    pub(super) control_frames: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Forwarded {
    pub(super) trust: Vec<Spanned<Parsed<IpNet>>>,
    pub(super) field: Text<OriginField>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Trace {
    pub(super) inbound: Text<Inbound>,
    pub(super) sampled: Option<Spanned<bool>>,
    pub(super) otlp: Option<Spanned<Section<Otlp>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Otlp {
    pub(super) endpoint: Text<OtlpEndpoint>,
    pub(super) protocol: Text<OtlpProtocol>,
    pub(super) ratio: Option<Spanned<f64>>,
    pub(super) service_name: Option<Spanned<String>>,
    pub(super) headers: Pairs<HeaderName, Spanned<Parsed<HeaderValue>>>,
    pub(super) roots: Option<Spanned<PathBuf>>,
    pub(super) timeout: Text<HumanDuration>,
    pub(super) queue: Count,
    pub(super) batch: Count,
    pub(super) delay: Text<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Credentials {
    pub(super) header: Text<HeaderName>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccessLog {
    pub(super) enabled: Option<Spanned<bool>>,
    pub(super) path: Option<Spanned<PathBuf>>,
    pub(super) lines: Count,
    pub(super) path_field: Option<Spanned<bool>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Service {
    pub(super) name: Text<ServiceName>,
    pub(super) prefix: Text<path::Prefix>,
    pub(super) environment: Text<Environment>,
    pub(super) permissions: Permissions,
    pub(super) rate: Text<Rate>,
    pub(super) upstream: Text<UpstreamAddress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Route {
    pub(super) name: Text<Name>,
    pub(super) host: Text<HostPattern>,
    pub(super) path: Text<PatternText>,
    pub(super) prefix: Text<PatternText>,
    pub(super) methods: Option<Spanned<Vec<Spanned<Parsed<Method>>>>>,
    pub(super) headers: Vec<Spanned<Section<Condition>>>,
    pub(super) auth: Text<Auth>,
    pub(super) service: Text<ServiceName>,
    pub(super) environment: Text<Environment>,
    pub(super) permissions: Option<Spanned<Permissions>>,
    pub(super) any_permission: Option<Spanned<Permissions>>,
    pub(super) by_method: Option<Spanned<Pairs<Method, Needs>>>,
    pub(super) upstream: Text<Name>,
    pub(super) strip_prefix: Option<Spanned<bool>>,
    pub(super) rewrite: Text<PatternText>,
    pub(super) request_headers: Option<Spanned<Section<HeaderEdits>>>,
    pub(super) response_headers: Option<Spanned<Section<HeaderEdits>>>,
    pub(super) cors: Option<Spanned<Section<Cors>>>,
    pub(super) body_bytes: Count,
    pub(super) body_rate: Text<BodyRate>,
    pub(super) timeouts: Option<Spanned<Section<RouteTimeouts>>>,
    pub(super) upgrades: Vec<Spanned<Parsed<Protocol>>>,
    pub(super) respond: Option<Spanned<Section<Respond>>>,
    pub(super) redirect: Option<Spanned<Section<Redirection>>>,
    pub(super) end_with_key: Option<Spanned<bool>>,
    pub(super) cut_off: Text<CutOff>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Condition {
    pub(super) name: Text<HeaderName>,
    pub(super) value: Text<HeaderValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HeaderEdits {
    pub(super) set: Pairs<HeaderName, Spanned<Parsed<HeaderValue>>>,
    pub(super) add: Pairs<HeaderName, Spanned<Parsed<HeaderValue>>>,
    pub(super) remove: Vec<Spanned<Parsed<HeaderName>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Cors {
    pub(super) origins: Option<Spanned<Vec<Spanned<Parsed<CorsOrigin>>>>>,
    pub(super) headers: Option<Vec<Spanned<Parsed<HeaderName>>>>,
    pub(super) expose: Option<Vec<Spanned<Parsed<HeaderName>>>>,
    pub(super) credentials: Option<Spanned<bool>>,
    pub(super) max_age: Text<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RouteTimeouts {
    pub(super) response: Text<HumanDuration>,
    pub(super) body: Text<HumanDuration>,
    pub(super) whole: Text<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Respond {
    pub(super) status: Count,
    pub(super) content_type: Text<HeaderValue>,
    pub(super) body: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Redirection {
    pub(super) to: Text<RedirectTarget>,
    pub(super) status: Count,
}
