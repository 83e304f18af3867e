use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use portcullis::clock::Moment;
use portcullis::key::KeyId;
use portcullis::manager::Standing;
use portcullis::{Grant, KeyManager};

use super::metrics::label;
use super::route::LiveRoute;
use crate::access::Notes;
use crate::server::{EndReason, Lifeline};

/// One request that is being served by a key.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) route: Arc<LiveRoute>,
    pub(super) lifeline: Lifeline,
    grant: Grant,
    client: Option<IpAddr>,
    notes: Option<Notes>,
    /// When it was heard of what ends it; [`NEVER`] where nothing does.
    ending_since: AtomicU64,
    in_review: AtomicBool,
    /// Since when nobody can say how the grant stands, in monotonic nanoseconds; [`TOLD`] where
    /// that was said last.
    unread_since: AtomicU64,
}

const TOLD: u64 = u64::MAX;
const NEVER: u64 = u64::MAX;

/// A request whose key is to be read, or is being read; there is one at a time.
#[derive(Debug)]
pub(super) struct InReview(Arc<Live>);

impl Live {
    pub(super) fn new(
        route: Arc<LiveRoute>,
        lifeline: Lifeline,
        grant: Grant,
        client: Option<IpAddr>,
    ) -> Self {
        Self {
            route,
            lifeline,
            grant,
            client,
            notes: None,
            ending_since: AtomicU64::new(NEVER),
            in_review: AtomicBool::new(false),
            unread_since: AtomicU64::new(TOLD),
        }
    }

    /// Tells of its end in these notes.
    pub(super) fn noted_in(self, notes: Option<Notes>) -> Self {
        Self { notes, ..self }
    }

    /// Asks it to end, for what was heard of `since`, in monotonic nanoseconds. Says whether this
    /// was what ended it.
    pub(super) fn end(&self, reason: EndReason, since: u64) -> bool {
        // Whoever makes the answer may be done with it before this goes on.
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let _ = (self.ending_since).compare_exchange(NEVER, since, success, failure);
        let ended = self.lifeline.end(reason);
        if let (true, Some(notes)) = (ended, &self.notes) {
            notes.asked_to_end(label(reason));
        }
        ended
    }

    /// Records how long its end took, where it was asked to end.
    pub(super) fn record_end(&self, manager: &KeyManager) {
        let since = self.ending_since.load(Ordering::Relaxed);
        if since != NEVER {
            let now = manager.clock().monotonic();
            let took = Duration::from_nanos(now.saturating_sub(since));
            self.route.endings.record(took.as_secs_f64());
        }
    }

    /// Notes that its client gets another answer than the upstream's, or not all of it.
    pub(super) fn ended(&self, reason: EndReason) {
        if let Some(notes) = &self.notes {
            notes.ended(label(reason));
        }
    }

    pub(super) fn key_id(&self) -> KeyId {
        self.grant.key_id()
    }

    /// How the grant stands, as far as that can be said without a read.
    pub(super) fn standing(&self, manager: &KeyManager, now: Moment) -> Standing {
        manager.standing_at(&self.grant, &self.route.context(self.client), now)
    }

    /// Notes whether it could be said how the grant stands, and whether it could not for longer
    /// than cached keys count: the store answers, but not for this key. The watch alone asks.
    pub(super) fn is_lost(&self, manager: &KeyManager, standing: Standing, now: Moment) -> bool {
        if standing != Standing::Unread {
            self.unread_since.store(TOLD, Ordering::Relaxed);
            return false;
        }
        let since = match self.unread_since.load(Ordering::Relaxed) {
            TOLD => now.monotonic(),
            since => since,
        };
        self.unread_since.store(since, Ordering::Relaxed);
        Duration::from_nanos(now.monotonic().saturating_sub(since)) > manager.max_staleness()
    }
}

impl InReview {
    /// Nothing where the request is to be reviewed already.
    pub(super) fn of(live: &Arc<Live>) -> Option<Self> {
        let first = !live.in_review.swap(true, Ordering::Relaxed);
        first.then(|| Self(Arc::clone(live)))
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.0
    }

    /// Reads what is needed to say how the grant stands.
    pub(super) async fn ask(&self, manager: &KeyManager) -> Standing {
        let live = &*self.0;
        let context = live.route.context(live.client);
        manager.review(&live.grant, &context).await
    }
}

impl Drop for InReview {
    fn drop(&mut self) {
        self.0.in_review.store(false, Ordering::Relaxed);
    }
}
