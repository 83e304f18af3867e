use std::net::IpAddr;

use http::Extensions;

/// The address from which a request came, as a request extension. See the
/// [module](super).
///
/// An IPv4 address that is mapped into IPv6, as a socket for both shows it, is
/// taken for the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// The address that the extensions tell.
    pub(crate) fn of(extensions: &Extensions) -> Option<IpAddr> {
        let told = extensions.get::<Self>().map(|address| address.0);
        #[cfg(feature = "axum")]
        let told = told.or_else(|| crate::axum::connected_from(extensions));
        told.map(|address| address.to_canonical())
    }
}
