use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use super::ServerTls;

/// What new connections are shaken hands with, which can be replaced while a server runs.
///
/// Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct TlsHandle {
    current: Arc<ArcSwap<ServerConfig>>,
}

impl TlsHandle {
    /// A handle to this, until it is replaced.
    #[must_use]
    pub fn new(tls: ServerTls) -> Self {
        Self {
            current: Arc::new(ArcSwap::new(tls.config)),
        }
    }

    /// From here on new handshakes use this. Connections that are open, and handshakes that have
    /// begun, keep what they have; sessions of before are not taken up again.
    pub fn replace(&self, tls: ServerTls) {
        self.current.store(tls.config);
    }

    /// What a handshake that begins now uses.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}
