use std::net::IpAddr;

use http::Extensions;

/// The address from which a request came, as a request extension.
///
/// Whoever accepts the connection puts it there. With the feature `axum`,
/// axum's `ConnectInfo<SocketAddr>` counts where there is no `ClientAddr`. No
/// header field is read: a client can write what it likes into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// The address that the extensions tell.
    pub(crate) fn of(extensions: &Extensions) -> Option<IpAddr> {
        let told = extensions.get::<Self>().map(|address| address.0);
        #[cfg(feature = "axum")]
        let told = told.or_else(|| crate::axum::connected_from(extensions));
        told
    }
}
