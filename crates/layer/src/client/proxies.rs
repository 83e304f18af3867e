use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use ipnet::{IpNet, Ipv4Net};
use tower::Layer;

use super::{ClientOrigin, TrustedProxiesService, forwarded, node};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Finds the client behind reverse proxies that are known, and tells it to the
/// layers behind as [`ClientAddr`](super::ClientAddr).
///
/// Each proxy appends the address from which it was asked. So the entries are
/// read from the right: from the peer on, as long as an address lies in a
/// trusted network, the entry that it appended counts. The first address that
/// does not is the client, and what it says of others is never read. An entry
/// that is no address (`unknown`, a name) ends the way at the last trusted
/// hop, as does the end of the list. Where the peer itself is not trusted, or
/// not known, no field is read at all.
///
/// One field is read, the one that the proxies write: a second one would be a
/// field that they pass on as a client wrote it. Make sure that they do write
/// it, and that nobody reaches the service from a trusted network but them:
/// whoever does can choose an address.
///
/// The fields stay in the request. See the [module](super) for an example.
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    field: Field,
    networks: Arc<[IpNet]>,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Forwarded,
    XForwardedFor,
}

impl TrustedProxies {
    /// Trusts proxies in these networks, which write `Forwarded` (RFC 7239).
    #[must_use]
    pub fn forwarded(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self::new(Field::Forwarded, networks)
    }

    /// Trusts proxies in these networks, which write `X-Forwarded-For`.
    ///
    /// An entry is an address, with a port or without; IPv6 may stand in
    /// brackets.
    #[must_use]
    pub fn x_forwarded_for(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self::new(Field::XForwardedFor, networks)
    }

    fn new(field: Field, networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            field,
            networks: networks.into_iter().map(canonical).collect(),
        }
    }

    /// Whether an address lies in one of the networks.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.is_trusted(address.to_canonical())
    }

    /// The client of a request that came from `peer` with these fields. For
    /// doors that are no tower service.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.walk(peer.to_canonical(), headers, |_| {})
    }

    /// All that trusted proxies say of a request that came from `peer`.
    ///
    /// Scheme and host are what the proxy says that was asked by the client
    /// itself: in the same element of `Forwarded`, or at the same place of
    /// `X-Forwarded-Proto` and `X-Forwarded-Host`, counted from the right. Of
    /// these lists many proxies keep but the first entry, so a list that is
    /// too short for that place counts from its beginning.
    #[must_use]
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> ClientOrigin {
        let peer = peer.to_canonical();
        let mut chain: Vec<&[u8]> = Vec::new();
        let client = self.walk(peer, headers, |entry| chain.push(entry));
        let is_trusted = self.is_trusted(peer);
        let (scheme, host) = match self.field {
            Field::Forwarded => {
                let own = chain.last();
                let said =
                    |name: &[u8]| own.and_then(|element| forwarded::parameter(element, name));
                (
                    said(b"proto").and_then(|text| scheme(&text)),
                    said(b"host").and_then(|text| authority(&text)),
                )
            }
            Field::XForwardedFor if is_trusted => {
                let place = chain.len().saturating_sub(1);
                let said = |name| nth_from_right(headers, name, place);
                (
                    said(X_FORWARDED_PROTO).and_then(scheme),
                    said(X_FORWARDED_HOST).and_then(authority),
                )
            }
            Field::XForwardedFor => (None, None),
        };
        chain.reverse();
        ClientOrigin {
            client,
            is_trusted,
            scheme,
            host,
            chain: match chain.is_empty() {
                true => None,
                false => HeaderValue::from_bytes(&chain.join(b", ".as_slice())).ok(),
            },
        }
    }

    /// From the peer to the first address that is not trusted, or to the last
    /// before one that cannot be read. Entries are lazy: what a stranger wrote
    /// is not even looked at. Each one that counts is told, the last one first.
    fn walk<'a>(
        &self,
        peer: IpAddr,
        headers: &'a HeaderMap,
        mut tell: impl FnMut(&'a [u8]),
    ) -> IpAddr {
        let mut client = peer;
        let mut follow = |entries: &mut dyn Iterator<Item = &'a [u8]>,
                          address: fn(&[u8]) -> Option<IpAddr>| {
            while self.is_trusted(client) {
                let Some(entry) = entries.next() else { break };
                let Some(before) = address(entry) else { break };
                client = before;
                tell(entry);
            }
        };
        match self.field {
            Field::Forwarded => {
                let fields = headers.get_all(FORWARDED).iter().rev();
                let mut elements = fields.flat_map(|field| forwarded::elements(field.as_bytes()));
                follow(&mut elements, forwarded::node);
            }
            Field::XForwardedFor => follow(&mut entries(headers, X_FORWARDED_FOR), node::address),
        }
        client
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

impl<S> Layer<S> for TrustedProxies {
    type Service = TrustedProxiesService<S>;

    fn layer(&self, inner: S) -> TrustedProxiesService<S> {
        TrustedProxiesService::new(inner, self.clone())
    }
}

/// The entries of a list, the last one first. Empty elements are none
/// (RFC 9110 section 5.6.1.2).
fn entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(name).into_iter().rev();
    let entries = fields.flat_map(|field| field.as_bytes().rsplit(|at| *at == b','));
    entries
        .map(<[u8]>::trim_ascii)
        .filter(|one| !one.is_empty())
}

/// The entry at a place, counted from the right; the first of a shorter list.
fn nth_from_right(headers: &HeaderMap, name: HeaderName, place: usize) -> Option<&[u8]> {
    entries(headers, name).take(place + 1).last()
}

fn scheme(text: &[u8]) -> Option<Scheme> {
    [Scheme::HTTP, Scheme::HTTPS]
        .into_iter()
        .find(|known| text.eq_ignore_ascii_case(known.as_str().as_bytes()))
}

/// A host and perhaps a port, and nothing else.
fn authority(text: &[u8]) -> Option<Authority> {
    let authority = Authority::try_from(text).ok()?;
    let rest = authority.as_str().strip_prefix(authority.host())?;
    let port = rest.is_empty() || authority.port_u16().is_some();
    // A user stands before the host, and is no part of it.
    (port && !authority.host().is_empty()).then_some(authority)
}

/// Addresses are compared unmapped, so networks of mapped addresses are.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    v6.addr()
        .to_ipv4_mapped()
        .zip(v6.prefix_len().checked_sub(96))
        .and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok())
        .map_or(network, IpNet::V4)
}
