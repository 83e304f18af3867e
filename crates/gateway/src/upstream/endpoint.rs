use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;

use super::config::EndpointConfig;
use super::lookup::{Found, Lookup, Resolve};
use super::metrics::Meters;
use crate::setting::InvalidSetting;
use crate::tls::ServerIdentity;

/// One of the places that an upstream is said to be at: an address, or a name with several.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// What its servers see as `Host`.
    pub(super) host: HeaderValue,
    /// How the configuration calls it, for the log.
    pub(super) label: Box<str>,
    pub(super) weight: u64,
    /// Who its servers must prove to be, in TLS.
    pub(super) identity: Option<ServerIdentity>,
    target: Target,
    /// Whether its name was not found when it was last looked up.
    is_lost: AtomicBool,
}

#[derive(Debug)]
enum Target {
    Address(SocketAddr),
    Name(Lookup),
}

impl Endpoint {
    pub(super) fn new(
        config: &EndpointConfig,
        is_secure: bool,
        resolver: &Arc<dyn Resolve>,
        meters: &Arc<Meters>,
    ) -> Result<Self, InvalidSetting> {
        let usual = if is_secure { 443 } else { 80 };
        let port = config.authority.port_u16().unwrap_or(usual);
        let identity = ServerIdentity::of(&config.authority).filter(|_| is_secure);
        if is_secure && identity.is_none() {
            let expected = "a host that a certificate can be for";
            return Err(InvalidSetting::new("authority", expected));
        }
        let host = config.authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let target = match bare.parse::<IpAddr>() {
            Ok(ip) => Target::Address(SocketAddr::new(ip, port)),
            Err(_) => {
                let (resolver, meters) = (Arc::clone(resolver), Arc::clone(meters));
                Target::Name(Lookup::new(host, port, resolver, meters))
            }
        };
        Ok(Self {
            host: config.host()?,
            label: config.authority.as_str().into(),
            weight: config.weight as u64,
            identity,
            target,
            is_lost: AtomicBool::new(false),
        })
    }

    /// Its one address, unless it is a name.
    pub(super) const fn address(&self) -> Option<SocketAddr> {
        match self.target {
            Target::Address(address) => Some(address),
            Target::Name(_) => None,
        }
    }

    /// How its name is looked up, if it is one.
    pub(super) const fn lookup(&self) -> Option<&Lookup> {
        match &self.target {
            Target::Address(_) => None,
            Target::Name(lookup) => Some(lookup),
        }
    }

    /// Has its name looked up again soon: what it leads to does not take connections.
    pub(super) fn doubt(&self) {
        if let Some(lookup) = self.lookup() {
            lookup.doubt();
        }
    }

    /// Tells of a name that is not found any more, and that is found again, once each.
    pub(super) fn tell(&self, upstream: &str, found: &Found) {
        let endpoint = &*self.label;
        let is_lost = found.is_err();
        let was_lost = self.is_lost.swap(is_lost, Ordering::Relaxed);
        match found {
            Err(error) if !was_lost => tracing::warn!(
                upstream, endpoint, %error,
                "the name of an upstream is not found: addresses that it had before count on"
            ),
            Ok(_) if was_lost => {
                tracing::info!(upstream, endpoint, "the name of an upstream is found again");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::lookup::System;

    #[test]
    fn an_address_is_not_looked_up() {
        for (authority, address) in [
            ("127.0.0.1", Some("127.0.0.1:80")),
            ("127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("[::1]", Some("[::1]:80")),
            ("[::1]:81", Some("[::1]:81")),
            ("localhost:81", None),
        ] {
            let config = EndpointConfig::new(authority.parse().unwrap());
            let resolver: Arc<dyn Resolve> = Arc::new(System);
            let meters = Arc::new(Meters::new("orders"));
            let endpoint = Endpoint::new(&config, false, &resolver, &meters).unwrap();
            assert_eq!(
                endpoint.address(),
                address.map(|text| text.parse().unwrap())
            );
            assert_eq!(endpoint.lookup().is_some(), address.is_none());
        }
    }
}
