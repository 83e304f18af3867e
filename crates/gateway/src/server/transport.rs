use tokio::io::{AsyncRead, AsyncWrite};

use super::sniff::Sniffed;
use crate::tls::Stream;

/// What carries a connection's octets.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Has the connection end in a reset when it is dropped: its client must not take what it has
    /// for the whole.
    fn reset_when_dropped(&self);

    /// How many octets went out so far, where that is not what was written: TLS takes some that
    /// wait for their turn.
    fn taken(&self) -> Option<u64>;

    /// Tells the client that nothing is missing, as far as that can be done at once.
    fn say_goodbye(&mut self);
}

impl Transport for Stream {
    fn reset_when_dropped(&self) {
        self.reset_on_drop();
    }

    fn taken(&self) -> Option<u64> {
        self.sent_below()
    }

    fn say_goodbye(&mut self) {
        self.close_at_once();
    }
}

impl<T: Transport> Transport for Sniffed<T> {
    fn reset_when_dropped(&self) {
        self.get_ref().reset_when_dropped();
    }

    fn taken(&self) -> Option<u64> {
        self.get_ref().taken()
    }

    fn say_goodbye(&mut self) {
        self.get_mut().say_goodbye();
    }
}
