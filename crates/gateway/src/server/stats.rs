use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arrivals::TurnedAway;
use super::frames::Calm;

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
    http2_connections: AtomicU64,
    calmed_control_frames: AtomicU64,
    calmed_resets: AtomicU64,
    calmed_header_block: AtomicU64,
    calmed_library: AtomicU64,
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
    /// Requests that were to end, did not, and were cut: with their connections, or in HTTP/2
    /// their streams alone.
    pub requests_cut: u64,
    /// Connections closed because their address has as many as it may have.
    pub over_address: u64,
    /// Connections from proxies that did not say whose they are, or not in time.
    pub without_proxy_header: u64,
    /// Connections, of those taken, that came to speak HTTP/2.
    pub http2_connections: u64,
    /// Connections of HTTP/2 that were ended with `ENHANCE_YOUR_CALM`, and why.
    pub http2_calmed: CalmedCounts,
}

/// Why connections of HTTP/2 were ended with `ENHANCE_YOUR_CALM`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalmedCounts {
    /// More frames that carry nothing of a request than [`Http2Config`](super::Http2Config)
    /// allows.
    pub control_frames: u64,
    /// More streams that were reset.
    pub resets: u64,
    /// The head of a request that did not come to its end in time.
    pub header_block: u64,
    /// More of what the HTTP/2 library itself bounds: the frames and the size of a head, empty and
    /// very small pieces of bodies, faulty streams.
    pub library: u64,
}

impl CalmedCounts {
    /// Each count with its name, the label `why` of metrics.
    #[must_use]
    pub const fn by_name(&self) -> [(&'static str, u64); 4] {
        [
            (Calm::ControlFrames.as_str(), self.control_frames),
            (Calm::Resets.as_str(), self.resets),
            (Calm::HeaderBlock.as_str(), self.header_block),
            (Calm::Library.as_str(), self.library),
        ]
    }
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
            http2_connections: read(&self.inner.http2_connections),
            http2_calmed: CalmedCounts {
                control_frames: read(&self.inner.calmed_control_frames),
                resets: read(&self.inner.calmed_resets),
                header_block: read(&self.inner.calmed_header_block),
                library: read(&self.inner.calmed_library),
            },
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

    pub(super) fn speaks_http2(&self) {
        self.inner.http2_connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn calmed(&self, why: Calm) {
        let counter = match why {
            Calm::ControlFrames => &self.inner.calmed_control_frames,
            Calm::Resets => &self.inner.calmed_resets,
            Calm::HeaderBlock => &self.inner.calmed_header_block,
            Calm::Library => &self.inner.calmed_library,
        };
        counter.fetch_add(1, Ordering::Relaxed);
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
