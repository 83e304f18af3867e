use std::time::Duration;

use crate::clock::{Moment, Timestamp};
use crate::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

/// When the store was last known to hold nothing that this node had not
/// heard of: the moment at which the last good poll was **sent**.
#[derive(Debug)]
pub(crate) struct Freshness {
    monotonic: AtomicU64,
    wall: AtomicI64,
}

impl Freshness {
    pub(crate) fn new(sent: Moment) -> Self {
        Self {
            monotonic: AtomicU64::new(sent.monotonic()),
            wall: AtomicI64::new(sent.wall().as_millis()),
        }
    }

    /// A poll that was sent at `sent` was good, and all that it told is raised.
    pub(crate) fn verified(&self, sent: Moment) {
        // A reader between the two stores sees one of them older than it is:
        // on the safe side.
        self.monotonic.fetch_max(sent.monotonic(), SeqCst);
        self.wall.store(sent.wall().as_millis(), SeqCst);
    }

    /// How long ago that was.
    pub(crate) fn age(&self, now: Moment) -> Duration {
        let wall = Timestamp::from_millis(self.wall.load(SeqCst));
        now.age_since(Moment::new(self.monotonic.load(SeqCst), wall))
    }
}
