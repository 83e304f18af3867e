//! A table of `[[upstreams]]` as it is written.

use std::fmt;

use http::uri::PathAndQuery;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use super::file::{Count, Text, UpstreamTls};
use super::name::Name;
use super::parsed::{FromText, Parsed};
use super::section::Section;
use super::{HumanDuration, UpstreamAddress};
use crate::headers::host::HostPolicy;
use crate::upstream::{Balance, Percent, Protocol, StatusRange};

/// A table within the table, and its place.
pub(super) type Inner<T> = Option<Spanned<Section<T>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Upstream {
    pub(super) name: Text<Name>,
    pub(super) url: Text<UpstreamAddress>,
    pub(super) host: Text<HostPolicy>,
    pub(super) protocol: Text<Protocol>,
    pub(super) endpoints: Option<Spanned<Vec<Spanned<Endpoint>>>>,
    pub(super) tls: Inner<UpstreamTls>,
    pub(super) balance: Text<Balance>,
    pub(super) dns_refresh: Text<HumanDuration>,
    pub(super) connect: Text<HumanDuration>,
    pub(super) response: Text<HumanDuration>,
    pub(super) body: Text<HumanDuration>,
    pub(super) idle: Text<HumanDuration>,
    pub(super) idle_connections: Count,
    pub(super) header_bytes: Count,
    pub(super) requests: Count,
    pub(super) queue: Inner<Queue>,
    pub(super) retry: Inner<Retry>,
    pub(super) ejection: Inner<Ejection>,
    pub(super) health: Inner<Health>,
}

/// One place of an upstream: its URL alone, or with more.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    pub(super) url: Text<UpstreamAddress>,
    /// The URL as an element of its own.
    pub(super) bare: Option<UpstreamAddress>,
    pub(super) weight: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EndpointTable {
    url: Text<UpstreamAddress>,
    weight: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Queue {
    pub(super) requests: Count,
    pub(super) wait: Text<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retry {
    pub(super) attempts: Count,
    pub(super) ratio: Text<Percent>,
    pub(super) per_second: Count,
    pub(super) statuses: Option<Spanned<Vec<Spanned<i64>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ejection {
    pub(super) failures: Count,
    pub(super) base: Text<HumanDuration>,
    pub(super) longest: Text<HumanDuration>,
    pub(super) share: Text<Percent>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Health {
    pub(super) path: Text<PathAndQuery>,
    pub(super) interval: Text<HumanDuration>,
    pub(super) timeout: Text<HumanDuration>,
    pub(super) healthy: Count,
    pub(super) unhealthy: Count,
    pub(super) status: Text<StatusRange>,
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As a table, which says what fields there are; a string comes as one all the same.
        deserializer.deserialize_map(EndpointVisitor)
    }
}

struct EndpointVisitor;

impl<'de> Visitor<'de> for EndpointVisitor {
    type Value = Endpoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a table with url and weight")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Endpoint, E> {
        let address = UpstreamAddress::from_text(text).map_err(E::custom)?;
        Ok(Endpoint {
            bare: Some(address),
            ..Endpoint::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Endpoint, A::Error> {
        let table = EndpointTable::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Endpoint {
            url: table.url,
            bare: None,
            weight: table.weight,
        })
    }
}

impl Endpoint {
    /// Where it is, if that is said.
    pub(super) fn address(&self) -> Option<&UpstreamAddress> {
        let told = self
            .url
            .as_ref()
            .map(|url: &Spanned<Parsed<_>>| &url.get_ref().0);
        self.bare.as_ref().or(told)
    }
}

impl FromText for Protocol {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "http1" => Ok(Self::Http1),
            "http2" => Ok(Self::Http2),
            _ => Err("expected auto, http1 or http2".to_owned()),
        }
    }
}

impl FromText for Balance {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "round-robin" => Ok(Self::RoundRobin),
            "least-requests" => Ok(Self::LeastRequests),
            _ => Err("expected round-robin or least-requests".to_owned()),
        }
    }
}

impl FromText for PathAndQuery {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|_| text.starts_with('/') && !text.contains('#'))
            .ok_or_else(|| "expected a path, for example /healthz".to_owned())
    }
}
