use metrics::{Gauge, counter, gauge};

use crate::telemetry::names;

/// Counts a tunnel in `portcullis_tunnels_open`, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenTunnel {
    open: Gauge,
}

/// How a tunnel came to its end: the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelEnd {
    /// Both sides were done, or the gateway closed it in the protocol's own way.
    Closed,
    /// The gateway ended it: its key, or the time to stop.
    Ended,
    /// The client was gone.
    ClientGone,
    /// The upstream broke off, also where its client was told of an end.
    UpstreamBroke,
    /// Nothing passed for too long.
    Idle,
    /// The client took nothing any more of what ended it.
    Cut,
}

impl OpenTunnel {
    pub(crate) fn begin() -> Self {
        let open = gauge!(names::TUNNELS_OPEN);
        open.increment(1.0);
        Self { open }
    }

    pub(crate) fn end(self, end: TunnelEnd) {
        counter!(names::TUNNELS_ENDED, "reason" => end.as_str()).increment(1);
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

impl TunnelEnd {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Ended => "ended",
            Self::ClientGone => "client_gone",
            Self::UpstreamBroke => "upstream_broke",
            Self::Idle => "idle",
            Self::Cut => "cut",
        }
    }
}
