use http::Extensions;

use super::PeerAddr;

/// That a request came in TLS, in its extensions; in the clear there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Secured {
    /// The version of TLS: `1.2` or `1.3`.
    pub version: &'static str,
}

/// What a connection knows of its client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) peer: PeerAddr,
    pub(super) secured: Option<Secured>,
}

impl Secured {
    pub(super) const fn new(version: &'static str) -> Self {
        Self { version }
    }
}

impl Client {
    /// Puts it where the service finds it.
    pub(super) fn introduce(self, extensions: &mut Extensions) {
        extensions.insert(self.peer);
        if let Some(secured) = self.secured {
            extensions.insert(secured);
        }
    }
}
