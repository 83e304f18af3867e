use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;
use portcullis::Invalid;
use portcullis::key::Environment;
use portcullis::limits::Rate;
use portcullis::scope::Permission;
use portcullis::service::ServiceName;
use portcullis::token;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::{HumanDuration, UpstreamAddress};
use crate::body::BodyRate;
use crate::headers::host::HostPolicy;
use crate::headers::origin::OriginField;
use crate::headers::trace_context::Inbound;
use crate::headers::upgrade::Protocol;
use crate::path;
use crate::route::{HostPattern, PatternText, RedirectTarget};
use crate::spans::{OtlpEndpoint, OtlpProtocol};
use crate::upstream::{Percent, StatusRange};

/// A value that stands in the file as text of a form of its own.
///
/// Domain types are no serde types: this is where their text meets serde.
#[derive(Debug, Clone)]
pub(super) struct Parsed<T>(pub(super) T);

/// What can be read from the text of one value; the error says what is expected.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

impl<'de, T: FromText> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(TextVisitor(PhantomData))
            .map(Self)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }
}

macro_rules! from_text_of_core {
    ($($type:ty),* $(,)?) => {
        $(impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|invalid: Invalid| format!("expected {}", invalid.expected()))
            }
        })*
    };
}

from_text_of_core!(
    Environment,
    HumanDuration,
    OtlpEndpoint,
    Percent,
    Permission,
    Rate,
    ServiceName,
    StatusRange,
    UpstreamAddress,
    token::Prefix,
);

impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            "expected an IP address and a port, for example 127.0.0.1:8080 or [::1]:8080".to_owned()
        })
    }
}

/// An address alone is the network that has no other. Bits behind the length may be a mistake in
/// either, and IPv4 in IPv6's form would never hold what is compared in its own.
impl FromText for IpNet {
    fn from_text(text: &str) -> Result<Self, String> {
        let network = text.parse().ok();
        let network = network.or_else(|| Some(Self::from(text.parse::<IpAddr>().ok()?)));
        let is_clear = |network: &Self| match network {
            Self::V6(mapped) if mapped.addr().to_ipv4_mapped().is_some() => false,
            _ => network.trunc() == *network,
        };
        network.filter(is_clear).ok_or_else(|| {
            "expected the first address of a network and its length, or an address, for example \
             10.0.0.0/8 or 2001:db8::1"
                .to_owned()
        })
    }
}

impl FromText for path::Prefix {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|invalid: path::InvalidPrefix| invalid.to_string())
    }
}

impl FromText for HeaderName {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected a header name, for example x-api-key".to_owned())
    }
}

macro_rules! from_text_of_route {
    ($($type:ty),* $(,)?) => {
        $(impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|invalid: <Self as std::str::FromStr>::Err| invalid.to_string())
            }
        })*
    };
}

from_text_of_route!(
    BodyRate,
    Protocol,
    HostPattern,
    HostPolicy,
    PatternText,
    RedirectTarget
);

impl FromText for OriginField {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("expected x-forwarded-for or forwarded".to_owned()),
        }
    }
}

impl FromText for Inbound {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "trusted" => Ok(Self::Trusted),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err("expected trusted, always or never".to_owned()),
        }
    }
}

impl FromText for OtlpProtocol {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "grpc" => Ok(Self::Grpc),
            "http" => Ok(Self::Http),
            _ => Err("expected grpc or http".to_owned()),
        }
    }
}

impl FromText for Method {
    fn from_text(text: &str) -> Result<Self, String> {
        let method = text.parse().ok().filter(|method: &Self| {
            let capitals = text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
            capitals && ![Self::CONNECT, Self::TRACE].contains(method)
        });
        method.ok_or_else(|| {
            "expected a method in capital letters, for example GET; CONNECT and TRACE are never \
             served"
                .to_owned()
        })
    }
}

impl FromText for HeaderValue {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_str(text)
            .ok()
            .filter(|value| !value.is_empty() && text.trim() == text && text.is_ascii())
            .ok_or_else(|| "expected visible ASCII, with spaces only between".to_owned())
    }
}
