use std::net::SocketAddr;

/// The other end of the connection that a request came on, in the request's extensions.
///
/// An IPv4 address that came in on an IPv6 socket is an IPv4 address here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}
