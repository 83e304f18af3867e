use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis::auth::{Observe, Observer, Outcome};

use super::enter::RouteSeen;

/// What those who serve a request find out about it, for its record: an extension of the request.
/// Cheap to clone; clones share the notes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    received: AtomicU64,
    told: Mutex<Told>,
}

/// What was told. Times are monotonic nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The route that took the request.
    pub(super) route: Option<Arc<RouteSeen>>,
    /// The client's address, where it is not the peer's.
    pub(super) client: Option<IpAddr>,
    /// What became of the request's key.
    pub(super) decision: Option<Outcome>,
    /// The address of the upstream to which it was sent last, or was to be.
    pub(super) endpoint: Option<SocketAddr>,
    /// How often it was sent, or was to be.
    pub(super) attempts: u32,
    /// When it was sent to an upstream.
    pub(super) sent: Option<u64>,
    /// When the head of the upstream's answer came, or that there is none.
    pub(super) answered: Option<u64>,
    /// Why it was asked to end.
    pub(super) asked_to_end: Option<&'static str>,
    /// Why its answer is not the upstream's own, or not to its end.
    pub(super) ended: Option<&'static str>,
    /// Whether its answer says itself that its time was over.
    pub(super) is_overdue: bool,
    /// Whether the upstream broke off where its answer could end all the same.
    pub(super) has_upstream_broken: bool,
}

impl Notes {
    /// Hears what becomes of the request's key.
    pub(super) fn observer(&self) -> Observer {
        Observer::new(Arc::<Noted>::clone(&self.noted))
    }

    /// The request is a route's.
    pub(super) fn enter(&self, route: &Arc<RouteSeen>, client: Option<IpAddr>) {
        let mut told = self.noted.told();
        told.route = Some(Arc::clone(route));
        told.client = client;
    }

    /// It was sent to an upstream then.
    pub(crate) fn sent(&self, at: u64) {
        self.noted.told().sent = Some(at);
    }

    /// An attempt is made at this address of the upstream.
    pub(crate) fn tried(&self, endpoint: SocketAddr) {
        let mut told = self.noted.told();
        told.endpoint = Some(endpoint);
        told.attempts = told.attempts.saturating_add(1);
    }

    /// The head of the upstream's answer came then, or it was clear that none comes.
    pub(crate) fn answered(&self, at: u64) {
        self.noted.told().answered = Some(at);
    }

    /// It was asked to end, and why.
    pub(crate) fn asked_to_end(&self, reason: &'static str) {
        self.noted.told().asked_to_end = Some(reason);
    }

    /// It was ended, and why.
    pub(crate) fn ended(&self, reason: &'static str) {
        self.noted.told().ended = Some(reason);
    }

    /// The time was over that it may take, and its answer says so.
    pub(crate) fn overdue(&self) {
        self.noted.told().is_overdue = true;
    }

    /// The upstream broke off, and its answer ends all the same.
    pub(crate) fn upstream_broke(&self) {
        self.noted.told().has_upstream_broken = true;
    }

    /// So much more of its body was read.
    pub(crate) fn received(&self, bytes: u64) {
        self.noted.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How much of its body was read.
    pub(super) fn bytes_received(&self) -> u64 {
        self.noted.received.load(Ordering::Relaxed)
    }

    /// What was told so far, once.
    pub(super) fn take(&self) -> Told {
        std::mem::take(&mut *self.noted.told())
    }
}

impl Noted {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observe for Noted {
    fn decided(&self, outcome: Outcome) {
        self.told().decision = Some(outcome);
    }
}
