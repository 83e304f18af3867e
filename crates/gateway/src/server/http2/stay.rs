use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::server::phase::Phase;
use crate::server::stats::TimedOut;
use crate::server::{ServerConfig, ServerStats};

/// How long a connection without a request is kept that was told to go.
const FAREWELL: Duration = Duration::from_secs(5);
/// How many requests may come after that: they were on their way. A client that was told, and that
/// says neither that it knows nor that it goes, would have no end.
const LATE_REQUESTS: u64 = 1_000;

/// How long a connection is kept.
#[derive(Debug)]
pub(super) struct Stay {
    phase: Phase,
    stats: ServerStats,
    header_read_timeout: Duration,
    idle_timeout: Duration,
    max_requests: u64,
    opened: Instant,
    deadline: Deadline,
    /// What there was when the deadline was set.
    seen: Seen,
    /// How many requests there were when the client was told to go.
    told_at: Option<u64>,
}

/// What puts the end of a connection off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    requests: u64,
    /// hyper may have the whole of an answer long before the client has.
    data: u64,
}

/// What the connection's turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// To tell the client to go, with GOAWAY.
    Leave,
    /// To end.
    End,
}

impl Stay {
    pub(super) fn new(
        phase: Phase,
        stats: ServerStats,
        config: &ServerConfig,
        opened: Instant,
    ) -> Self {
        Self {
            phase,
            stats,
            header_read_timeout: config.header_read_timeout,
            idle_timeout: config.idle_timeout,
            max_requests: u64::try_from(config.max_requests).unwrap_or(u64::MAX),
            opened,
            deadline: Deadline::default(),
            seen: Seen::default(),
            told_at: None,
        }
    }

    /// To be asked after what serves the connection was polled. Ready where it is the connection's
    /// turn to do something; [`Turn::Leave`] comes once.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        self.phase.wake_to_await(cx.waker());
        let requests = self.phase.requests();
        match self.told_at {
            None if self.phase.stops() || requests >= self.max_requests => {
                return Poll::Ready(self.leave());
            }
            Some(told_at) if requests - told_at > LATE_REQUESTS => return Poll::Ready(Turn::End),
            _ => {}
        }
        if !self.phase.awaits_head() {
            self.deadline.clear();
            return Poll::Pending;
        }
        if self.phase.lets_go() {
            return Poll::Ready(Turn::End);
        }
        self.poll_idle(cx, requests)
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>, requests: u64) -> Poll<Turn> {
        loop {
            let seen = Seen {
                requests,
                data: self.phase.data(),
            };
            if !self.deadline.is_set() || self.seen != seen {
                self.seen = seen;
                self.deadline.set(self.end_of_idleness());
            }
            ready!(self.deadline.poll_passed(cx));
            if self.phase.data() == seen.data {
                break;
            }
        }
        if self.told_at.is_some() {
            return Poll::Ready(Turn::End);
        }
        self.stats.timed_out(match requests {
            0 => TimedOut::Head,
            _ => TimedOut::Idle,
        });
        Poll::Ready(self.leave())
    }

    /// From now on, but for the first request: the time for that runs from the opening.
    fn end_of_idleness(&self) -> Instant {
        match (self.told_at, self.seen.requests) {
            (Some(_), _) => Instant::now() + FAREWELL,
            (None, 0) => self.opened + self.header_read_timeout,
            (None, _) => Instant::now() + self.idle_timeout,
        }
    }

    fn leave(&mut self) -> Turn {
        self.told_at = Some(self.phase.requests());
        self.deadline.clear();
        Turn::Leave
    }
}
