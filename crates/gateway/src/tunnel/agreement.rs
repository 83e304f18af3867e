use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;

use super::Link;
use crate::access::Notes;

/// The connection to an upstream that changed its protocol.
pub(super) type Wire = TokioIo<Upgraded>;

/// A request's `Upgrade` field, which the server took out of it, and the place for what is agreed
/// on. It is in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct AskedUpgrade {
    said: Bytes,
    agreed: Arc<Mutex<Option<UpstreamSide>>>,
}

/// What the client's octets go to.
pub(crate) struct UpstreamSide {
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
    pub(crate) link: Arc<Link>,
    /// Where the octets are counted.
    pub(crate) notes: Option<Notes>,
    pub(crate) idle: Duration,
}

/// A connection that an upstream agreed to, in the extensions of its answer, and what is to be let
/// go with it.
#[derive(Clone)]
pub(crate) struct Switched {
    taken: Arc<Mutex<Option<(Wire, Held)>>>,
}

/// What lives as long as the connection.
pub(super) type Held = Box<dyn Any + Send>;

impl AskedUpgrade {
    pub(crate) fn new(said: Bytes) -> Self {
        Self {
            said,
            agreed: Arc::default(),
        }
    }

    /// The field's value; those of several fields are one list.
    pub(crate) fn said(&self) -> &[u8] {
        &self.said
    }

    pub(crate) fn agree(&self, side: UpstreamSide) {
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner) = Some(side);
    }

    pub(crate) fn take(&self) -> Option<UpstreamSide> {
        let mut agreed = self.agreed.lock().unwrap_or_else(PoisonError::into_inner);
        agreed.take()
    }
}

impl Switched {
    pub(crate) fn new(connection: Upgraded, held: impl Any + Send) -> Self {
        let wire = TokioIo::new(connection);
        Self {
            taken: Arc::new(Mutex::new(Some((wire, Box::new(held))))),
        }
    }

    pub(super) fn take(&self) -> Option<(Wire, Held)> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take()
    }
}

impl fmt::Debug for UpstreamSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamSide").finish_non_exhaustive()
    }
}

impl fmt::Debug for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switched").finish_non_exhaustive()
    }
}
