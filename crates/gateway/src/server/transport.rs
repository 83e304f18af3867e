use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::sniff::Sniffed;

/// What carries a connection's octets.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Has the connection end in a reset when it is dropped: its client must not take what it has
    /// for the whole.
    fn reset_when_dropped(&self);
}

impl Transport for TcpStream {
    fn reset_when_dropped(&self) {
        // An error is that of a connection that is gone already.
        let _ = self.set_zero_linger();
    }
}

impl<T: Transport> Transport for Sniffed<T> {
    fn reset_when_dropped(&self) {
        self.get_ref().reset_when_dropped();
    }
}
