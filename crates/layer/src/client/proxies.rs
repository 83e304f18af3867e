use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use ipnet::{IpNet, Ipv4Net};
use tower::Layer;

use super::{TrustedProxiesService, forwarded, node};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

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

    /// The client of a request that came from `peer` with these fields. For
    /// doors that are no tower service.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        match self.field {
            Field::Forwarded => {
                let fields = headers.get_all(FORWARDED).iter().rev();
                let elements = fields.flat_map(|field| forwarded::elements(field.as_bytes()));
                self.walk(peer, elements.map(forwarded::node))
            }
            Field::XForwardedFor => {
                let fields = headers.get_all(X_FORWARDED_FOR).iter().rev();
                let entries = fields.flat_map(|field| field.as_bytes().rsplit(|at| *at == b','));
                // RFC 9110 section 5.6.1.2: empty elements of a list are none.
                let entries = entries.map(<[u8]>::trim_ascii);
                self.walk(
                    peer,
                    entries.filter(|one| !one.is_empty()).map(node::address),
                )
            }
        }
    }

    /// From the peer to the first address that is not trusted, or to the last
    /// before one that cannot be read. `entries` are lazy: what a stranger
    /// wrote is not even looked at.
    fn walk(&self, peer: IpAddr, mut entries: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        while self.is_trusted(client) {
            match entries.next().flatten() {
                Some(before) => client = before,
                None => break,
            }
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
