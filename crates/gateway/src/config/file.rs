//! The file as it is written: every field optional, every value with its place.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::HeaderName;
use portcullis::key::Environment;
use portcullis::limits::Rate;
use portcullis::scope::Permission;
use portcullis::service::ServiceName;
use portcullis::token;
use serde::Deserialize;
use toml::Spanned;

use super::lifetime::Lifetime;
use super::parsed::Parsed;
use super::section::Section;
use super::{HumanDuration, UpstreamAddress};
use crate::path;

/// A value of its own text form, if given, and its place.
pub(super) type Text<T> = Option<Spanned<Parsed<T>>>;

/// A whole number, if given, and its place. Signed, so that a negative one is told its range.
pub(super) type Count = Option<Spanned<i64>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Text<SocketAddr>,
    pub(super) operations: Section<Operations>,
    pub(super) store: Section<Place>,
    pub(super) keyring: Section<Place>,
    pub(super) manager: Section<Manager>,
    pub(super) timeouts: Section<Timeouts>,
    pub(super) limits: Section<Limits>,
    pub(super) credentials: Section<Credentials>,
    pub(super) services: Vec<Spanned<Section<Service>>>,
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) connections: Count,
    pub(super) header_bytes: Count,
    pub(super) headers: Count,
    pub(super) path_bytes: Count,
    pub(super) idle_upstream_connections: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Credentials {
    pub(super) header: Text<HeaderName>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Service {
    pub(super) name: Text<ServiceName>,
    pub(super) prefix: Text<path::Prefix>,
    pub(super) environment: Text<Environment>,
    pub(super) permissions: Vec<Spanned<Parsed<Permission>>>,
    pub(super) rate: Text<Rate>,
    pub(super) upstream: Text<UpstreamAddress>,
}
