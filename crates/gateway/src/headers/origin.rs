//! From where a request came: what the connection shows, and what trusted proxies say.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::uri::{Authority, Scheme};
use ipnet::IpNet;
use portcullis::TrustedProxies;

/// Whom the gateway believes about where requests come from: nobody by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    /// The networks of the proxies in front. Nobody else must reach the gateway from there: whoever
    /// does can choose an address.
    pub trust: Vec<IpNet>,
    /// The one field that they write. Another would be one that they pass on as a client wrote it.
    pub field: OriginField,
}

/// The field in which proxies tell from where they were asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginField {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` and `X-Forwarded-Host` beside it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Finds out where requests come from.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    proxies: Option<TrustedProxies>,
    field: OriginField,
}

/// From where a request came.
#[derive(Clone, Debug)]
pub struct Origin {
    peer: Option<IpAddr>,
    client: Option<IpAddr>,
    own_scheme: &'static str,
    scheme: &'static str,
    host: Option<Box<str>>,
    is_trusted: bool,
    chain: Option<(OriginField, Box<str>)>,
}

impl Origins {
    pub(crate) fn new(policy: &OriginPolicy) -> Self {
        let networks = policy.trust.iter().copied();
        let proxies = match policy.field {
            OriginField::XForwardedFor => TrustedProxies::x_forwarded_for(networks),
            OriginField::Forwarded => TrustedProxies::forwarded(networks),
        };
        Self {
            proxies: (!policy.trust.is_empty()).then_some(proxies),
            field: policy.field,
        }
    }

    /// The origin of a request from this peer with these fields, as they came, in TLS or not.
    pub(crate) fn of(
        &self,
        peer: Option<SocketAddr>,
        is_secured: bool,
        headers: &HeaderMap,
    ) -> Origin {
        let origin = match is_secured {
            true => Origin::of_peer(peer).secured(),
            false => Origin::of_peer(peer),
        };
        let (Some(address), Some(proxies)) = (origin.peer, &self.proxies) else {
            return origin;
        };
        let told = proxies.origin(address, headers);
        if !told.is_trusted {
            return origin;
        }
        let chain = told
            .chain
            .and_then(|chain| Some(chain.to_str().ok()?.into()));
        Origin {
            client: Some(told.client),
            is_trusted: true,
            scheme: told.scheme.as_ref().map_or(origin.own_scheme, name_of),
            host: told.host.as_ref().map(canonical),
            chain: chain.map(|chain| (self.field, chain)),
            ..origin
        }
    }
}

impl Origin {
    /// The peer of the connection, whom nobody in between spoke for.
    #[must_use]
    pub fn of_peer(peer: Option<SocketAddr>) -> Self {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        Self {
            peer,
            client: peer,
            own_scheme: "http",
            scheme: "http",
            host: None,
            is_trusted: false,
            chain: None,
        }
    }

    /// The same, over a connection in TLS.
    #[must_use]
    pub fn secured(self) -> Self {
        Self {
            own_scheme: "https",
            scheme: "https",
            ..self
        }
    }

    /// Who asked the gateway: a client, or the last proxy in front.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The client, as far as it is known.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// The scheme by which the client asked, `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Whether what the peer says of others is believed.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// The scheme by which the gateway was asked.
    pub(super) fn own_scheme(&self) -> &'static str {
        self.own_scheme
    }

    /// The host that the client asked for, where a trusted proxy told another one.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What trusted proxies wrote into this field, if it is the one that is read.
    pub(super) fn chain(&self, of: OriginField) -> Option<&str> {
        let (field, chain) = self.chain.as_ref()?;
        (*field == of).then_some(chain)
    }
}

fn name_of(scheme: &Scheme) -> &'static str {
    match *scheme == Scheme::HTTPS {
        true => "https",
        false => "http",
    }
}

fn canonical(authority: &Authority) -> Box<str> {
    authority.as_str().to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::headers::forwarded;

    fn policy(field: OriginField) -> Origins {
        Origins::new(&OriginPolicy {
            trust: vec!["10.0.0.0/8".parse().unwrap()],
            field,
        })
    }

    /// What an upstream reads in `Forwarded` and in `X-Forwarded-For`, `-Host` and `-Proto`.
    fn told(origins: &Origins, peer: &str, sent: &[(&'static str, &'static str)]) -> [String; 4] {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let origin = origins.of(Some(peer.parse().unwrap()), false, &headers);
        forwarded::strip(&mut headers);
        forwarded::set(&mut headers, &origin, Some("asked.test"));
        assert_eq!(headers.len(), 4, "{headers:?}");
        let names = [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
        ];
        names.map(|name| headers[name].to_str().unwrap().to_owned())
    }

    const SENT: [(&str, &str); 4] = [
        ("x-forwarded-for", "192.0.2.1, 203.0.113.9, 10.0.0.7"),
        ("x-forwarded-proto", "http, https, http"),
        (
            "x-forwarded-host",
            "evil.test, Public.test:8443, inner.test",
        ),
        (
            "forwarded",
            "for=192.0.2.1, for=203.0.113.9;proto=https;host=\"public.test:8443\", for=10.0.0.7",
        ),
    ];

    #[test]
    fn what_a_stranger_says_is_replaced() {
        for origins in [
            Origins::new(&OriginPolicy::default()),
            policy(OriginField::XForwardedFor),
            policy(OriginField::Forwarded),
        ] {
            let told = told(&origins, "203.0.113.9:5", &SENT);
            let forwarded = "for=203.0.113.9;host=\"asked.test\";proto=http";
            assert_eq!(told, [forwarded, "203.0.113.9", "asked.test", "http"]);
        }
    }

    #[test]
    fn what_trusted_proxies_say_goes_on_from_the_client_s_entry() {
        let fields = policy(OriginField::XForwardedFor);
        assert_eq!(
            told(&fields, "10.0.0.1:5", &SENT),
            [
                "for=203.0.113.9;host=\"public.test:8443\";proto=https",
                "203.0.113.9, 10.0.0.7, 10.0.0.1",
                "public.test:8443",
                "https",
            ]
        );
        let element = policy(OriginField::Forwarded);
        assert_eq!(
            told(&element, "[::ffff:10.0.0.1]:5", &SENT),
            [
                "for=203.0.113.9;proto=https;host=\"public.test:8443\", for=10.0.0.7, \
                 for=10.0.0.1;host=\"asked.test\";proto=http",
                "203.0.113.9",
                "public.test:8443",
                "https",
            ]
        );
        for origins in [fields, element] {
            let told = told(&origins, "10.0.0.1:5", &[]);
            let forwarded = "for=10.0.0.1;host=\"asked.test\";proto=http";
            assert_eq!(told, [forwarded, "10.0.0.1", "asked.test", "http"]);
        }
    }
}
