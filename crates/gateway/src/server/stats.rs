use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arrivals::TurnedAway;

/// A handle to what a [`Server`](super::Server) counts; it stays readable while the server runs.
#[derive(Clone, Debug, Default)]
pub struct ServerStats {
    inner: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    accept_errors: AtomicU64,
    head_timeouts: AtomicU64,
    idle_timeouts: AtomicU64,
    write_timeouts: AtomicU64,
    requests_cut: AtomicU64,
    over_address: AtomicU64,
    without_proxy_header: AtomicU64,
}

/// What a server counted up to one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCounts {
    /// Connections taken.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// Failures to take a connection, such as too many open files.
    pub accept_errors: u64,
    /// Connections ended because the head of a request took too long, or none came on a new one.
    pub head_timeouts: u64,
    /// Kept connections closed because no further request came.
    pub idle_timeouts: u64,
    /// Connections cut because the client did not take its answer.
    pub write_timeouts: u64,
    /// Requests that were to end, did not, and were cut with their connections.
    pub requests_cut: u64,
    /// Connections closed because their address has as many as it may have.
    pub over_address: u64,
    /// Connections from proxies that did not say whose they are, or not in time.
    pub without_proxy_header: u64,
}

/// Why the socket ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimedOut {
    Head,
    Idle,
    Write,
}

/// Counts a connection as open for as long as it lives.
#[derive(Debug)]
pub(super) struct OpenConnection {
    stats: ServerStats,
}

impl ServerStats {
    /// The counts now. They are read one by one, so they may be one connection apart.
    #[must_use]
    pub fn read(&self) -> ServerCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServerCounts {
            accepted: read(&self.inner.accepted),
            open: read(&self.inner.open),
            accept_errors: read(&self.inner.accept_errors),
            head_timeouts: read(&self.inner.head_timeouts),
            idle_timeouts: read(&self.inner.idle_timeouts),
            write_timeouts: read(&self.inner.write_timeouts),
            requests_cut: read(&self.inner.requests_cut),
            over_address: read(&self.inner.over_address),
            without_proxy_header: read(&self.inner.without_proxy_header),
        }
    }

    pub(super) fn accept_failed(&self) {
        self.inner.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn timed_out(&self, what: TimedOut) {
        let counter = match what {
            TimedOut::Head => &self.inner.head_timeouts,
            TimedOut::Idle => &self.inner.idle_timeouts,
            TimedOut::Write => &self.inner.write_timeouts,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turned_away(&self, why: TurnedAway) {
        let counter = match why {
            TurnedAway::Address => &self.inner.over_address,
            TurnedAway::ProxyHeader => &self.inner.without_proxy_header,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn request_cut(&self) {
        self.inner.requests_cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn opened(&self) -> OpenConnection {
        self.inner.accepted.fetch_add(1, Ordering::Relaxed);
        self.inner.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection {
            stats: self.clone(),
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.stats.inner.open.fetch_sub(1, Ordering::Relaxed);
    }
}
