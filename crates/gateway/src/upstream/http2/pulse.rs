use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::upstream::socket::Heard;

/// How often an upstream with streams is asked whether it is there, where nothing else is heard of
/// it. Servers of gRPC count a question within five minutes of the last one, if they sent nothing
/// of an answer in between, and end the connection at the third.
const ASK_EVERY: Duration = Duration::from_secs(310);
/// How long a connection lives on that does not answer, for what was answered in part.
const FAREWELL: Duration = Duration::from_secs(20);

/// Whether somebody is at the other end of a connection.
///
/// While a request waits for the head of its answer and nothing at all comes, the upstream is asked
/// (PING, RFC 9113 section 6.7): once, until it said something of an answer.
#[derive(Debug)]
pub(in crate::upstream) struct Pulse {
    heard: Arc<Heard>,
    /// How long it may be silent, and how long it may take to say that it is there.
    patience: Duration,
    wanted: Notify,
    /// Whether it may be asked before its time: nobody has asked, or something of an answer came
    /// since.
    may_ask: AtomicBool,
    gone: CancellationToken,
    is_blamed: AtomicBool,
}

impl Pulse {
    pub(super) fn new(heard: Arc<Heard>, patience: Duration) -> Self {
        Self {
            heard,
            patience,
            wanted: Notify::new(),
            may_ask: AtomicBool::new(true),
            gone: CancellationToken::new(),
            is_blamed: AtomicBool::new(false),
        }
    }

    /// How long it may be silent.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// A head, or a piece of a body came.
    pub(super) fn has_answered(&self) {
        self.may_ask.store(true, Ordering::Relaxed);
    }

    /// Whether nobody is there.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Waits until nobody is there.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// Whether this is the first to tell that nobody is there.
    pub(super) fn blame(&self) -> bool {
        !self.is_blamed.swap(true, Ordering::Relaxed)
    }

    /// Has the upstream asked if it has been silent for too long; a request alone expects nothing
    /// before `expected_at`. Says when to look again.
    pub(super) fn look(&self, expected_at: Instant) -> Instant {
        let quiet_at = self.quiet_at().max(expected_at);
        let now = Instant::now();
        if quiet_at > now {
            return quiet_at;
        }
        self.wanted.notify_one();
        now + self.patience
    }

    fn quiet_at(&self) -> Instant {
        self.heard.last() + self.patience
    }

    /// Asks whenever that is due. Ends when the connection is to be given up altogether.
    pub(super) async fn follow(&self, mut pings: PingPong, is_used: impl Fn() -> bool) {
        let mut due_at = Instant::now() + ASK_EVERY;
        loop {
            let is_due = tokio::select! {
                () = self.wanted.notified() => false,
                () = sleep_until(due_at) => true,
            };
            if is_due {
                due_at = Instant::now() + ASK_EVERY;
            }
            let is_silent = self.quiet_at() <= Instant::now();
            let may_ask = is_due || (is_silent && self.may_ask.load(Ordering::Relaxed));
            if !is_used() || !may_ask {
                continue;
            }
            if !self.ask(&mut pings).await {
                return;
            }
            // What crossed the question was sent before it.
            self.may_ask.store(false, Ordering::Relaxed);
            due_at = Instant::now() + ASK_EVERY;
        }
    }

    /// Says whether there was an answer.
    async fn ask(&self, pings: &mut PingPong) -> bool {
        let asked_at = Instant::now();
        if pings.send_ping(Ping::opaque()).is_err() {
            return false;
        }
        let mut pong = std::pin::pin!(poll_fn(|cx| pings.poll_pong(cx)));
        if let Ok(pong) = timeout(self.patience, &mut pong).await {
            return pong.is_ok();
        }
        if self.heard.last() <= asked_at {
            self.gone.cancel();
        }
        let rest = FAREWELL.saturating_sub(self.patience);
        timeout(rest, pong).await.is_ok_and(|pong| pong.is_ok())
    }
}
