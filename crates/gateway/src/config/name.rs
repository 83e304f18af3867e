//! Words of the file that have one meaning in it alone.

use std::sync::Arc;

use http::{HeaderValue, Uri};
use portcullis::service::ServiceName;

use super::parsed::FromText;
use crate::route::Fate;
use crate::tls::{ServerIdentity, TlsVersion, is_name};

/// How the file calls a route or an upstream. Made as services' names are, for it is a label of
/// metrics like these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name(pub(super) Arc<str>);

/// Whether a route asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    Required,
    Optional,
    Open,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    Off,
    Optional,
    Required,
}

/// A name for which a certificate is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CertificateName(pub(super) String);

/// The name of a server, or its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerName(pub(super) String);

/// What becomes of streams when nobody can say whether their keys stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CutOff(pub(super) Fate);

/// A page's origin, as browsers write it; nothing where any will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CorsOrigin(pub(super) Option<HeaderValue>);

impl CorsOrigin {
    pub(super) fn is_any(&self) -> bool {
        self.0.is_none()
    }
}

impl FromText for CorsOrigin {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(None));
        }
        let origin = text.parse::<Uri>().ok().filter(|uri| {
            let scheme = uri.scheme_str().unwrap_or_default();
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            let written = format!("{scheme}://{authority}");
            // Browsers leave the scheme's own port out, and write all in lower case.
            let own_port = match scheme {
                "https" => ":443",
                _ => ":80",
            };
            !authority.is_empty()
                && !authority.contains('@')
                && !authority.ends_with([':', '.'])
                && !authority.ends_with(own_port)
                && ["http", "https"].contains(&scheme)
                && text == written
                && text == text.to_ascii_lowercase()
        });
        let value = origin.and_then(|_| HeaderValue::from_str(text).ok());
        value.map(|value| Self(Some(value))).ok_or_else(|| {
            "expected an origin as browsers write it, for example https://app.example.com, or * \
             for all"
                .to_owned()
        })
    }
}

impl FromText for Name {
    fn from_text(text: &str) -> Result<Self, String> {
        ServiceName::from_text(text).map(|name| Self(name.as_str().into()))
    }
}

impl FromText for Auth {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "required" => Ok(Self::Required),
            "optional" => Ok(Self::Optional),
            "open" => Ok(Self::Open),
            _ => Err("expected required, optional or open".to_owned()),
        }
    }
}

impl FromText for Verify {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "optional" => Ok(Self::Optional),
            "required" => Ok(Self::Required),
            _ => Err("expected off, optional or required".to_owned()),
        }
    }
}

impl FromText for TlsVersion {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            _ => Err("expected 1.2 or 1.3".to_owned()),
        }
    }
}

impl FromText for CertificateName {
    fn from_text(text: &str) -> Result<Self, String> {
        let expected = "expected a name, or *. and a name, for example api.example.com";
        match is_name(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(expected.to_owned()),
        }
    }
}

impl FromText for ServerName {
    fn from_text(text: &str) -> Result<Self, String> {
        let expected = "expected a name or an IP address, for example orders.internal";
        match ServerIdentity::new(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(expected.to_owned()),
        }
    }
}

impl FromText for CutOff {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "end" => Ok(Self(Fate::Ends)),
            "keep" => Ok(Self(Fate::Stays)),
            _ => Err("expected end or keep".to_owned()),
        }
    }
}
