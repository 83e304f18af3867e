use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, gauge};
use portcullis::clock::Moment;
use portcullis::manager::Standing;
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio_util::sync::CancellationToken;

use super::LiveStreams;
use super::entry::{InReview, Live};
use super::metrics::{How, ended};
use super::registry::SHARDS;
use crate::server::EndReason;
use crate::telemetry::names;

/// The time between two looks at all requests, where something has changed: many changes are one
/// look.
const PAUSE: Duration = Duration::from_millis(100);
/// The same where nothing has: keys expire, and the store may be away.
const TICK: Duration = Duration::from_millis(500);
/// How long a request that is asked to end has for it before it is cut.
const GRACE: Duration = Duration::from_millis(250);
/// Keys that are read at the same time: the store has others to answer.
const REVIEWS: usize = 8;
/// Requests that are looked at before others have their turn on this thread.
const BATCH: usize = 256;

impl LiveStreams {
    /// Ends what is to end, until it is stopped.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let mut signal = self.manager().changes();
        let clock = Arc::clone(self.manager().clock());
        let mut watch = Watch::new(self, clock.now());
        loop {
            let now = clock.now();
            watch.cut(now);
            if watch.is_due(now) {
                watch.scan(now).await;
            }
            watch.review(now);
            let streams = watch.streams.clone();
            let wait = clock.sleep(watch.rest(now));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(reviewed) = watch.reviews.join_next() => watch.reviewed(reviewed, clock.now()),
                more = signal.changed(), if !watch.asked => match more {
                    true => watch.ask(clock.now()),
                    false => return,
                },
                () = streams.look_asked(), if !watch.asked => watch.ask(clock.now()),
                () = wait => {}
            }
        }
    }
}

/// What the watch is at.
#[derive(Debug)]
struct Watch {
    streams: LiveStreams,
    /// When all were looked at last, in monotonic nanoseconds, as all times here.
    scanned: u64,
    /// Whether something has happened since.
    asked: bool,
    /// When it was heard of what the last look was for.
    heard: u64,
    /// Those that were asked to end, in that order.
    ending: VecDeque<Ending>,
    /// Those whose key is to be read, and those whose key is being read.
    unread: VecDeque<InReview>,
    reviews: JoinSet<(InReview, Standing)>,
    /// No key is read before: the last time, it was in vain.
    held_until: u64,
    /// `portcullis_live_unread`: of how many it could not be said at the last look.
    undecided: Gauge,
}

#[derive(Debug)]
struct Ending {
    live: Arc<Live>,
    reason: EndReason,
    due: u64,
}

impl Watch {
    fn new(streams: LiveStreams, now: Moment) -> Self {
        Self {
            streams,
            scanned: now.monotonic(),
            asked: true,
            heard: now.monotonic(),
            ending: VecDeque::new(),
            unread: VecDeque::new(),
            reviews: JoinSet::new(),
            held_until: 0,
            undecided: gauge!(names::LIVE_UNREAD),
        }
    }

    /// Cuts what had its time to end.
    fn cut(&mut self, now: Moment) {
        let due = |ending: &mut Ending| ending.due <= now.monotonic();
        while let Some(Ending { live, reason, .. }) = self.ending.pop_front_if(due) {
            if live.lifeline.cut(reason) {
                ended(&live, reason, How::Cut);
            }
        }
    }

    /// Has all of them looked at: something has happened.
    fn ask(&mut self, now: Moment) {
        if !std::mem::replace(&mut self.asked, true) {
            self.heard = now.monotonic();
        }
    }

    fn is_due(&self, now: Moment) -> bool {
        self.next_scan() <= now.monotonic()
    }

    fn next_scan(&self) -> u64 {
        let wait = match self.asked {
            true => PAUSE,
            false => TICK,
        };
        self.scanned.saturating_add(nanos(wait))
    }

    /// How long there is nothing to do, if nothing happens.
    fn rest(&self, now: Moment) -> Duration {
        let cut = self.ending.front().map(|ending| ending.due);
        let held = (!self.unread.is_empty()).then_some(self.held_until);
        let held = held.filter(|until| *until > now.monotonic());
        let next = [cut, held].into_iter().flatten().min();
        let next = next.map_or(self.next_scan(), |next| next.min(self.next_scan()));
        Duration::from_nanos(next.saturating_sub(now.monotonic()))
    }

    /// Looks at every request. Each look is an answer of the moment, and nothing is kept from it:
    /// what the look before did not find out, or not end, is found here.
    async fn scan(&mut self, now: Moment) {
        if !std::mem::take(&mut self.asked) {
            // Time alone has changed something.
            self.heard = now.monotonic();
        }
        self.scanned = now.monotonic();
        let (mut looked, mut unread) = (0_usize, 0.0);
        for shard in 0..SHARDS {
            for live in self.streams.of_shard(shard) {
                let standing = live.standing(self.streams.manager(), now);
                self.act(&live, standing, now);
                looked += 1;
                if standing == Standing::Unread {
                    unread += 1.0;
                }
                if looked % BATCH == 0 {
                    yield_now().await;
                }
            }
        }
        self.undecided.set(unread);
    }

    /// Does what follows from how a request's grant stands.
    fn act(&mut self, live: &Arc<Live>, standing: Standing, now: Moment) {
        let is_lost = live.is_lost(self.streams.manager(), standing, now);
        if standing != Standing::Unread {
            if let Some(reason) = live.route.end(standing) {
                self.end(live, reason);
            }
        } else if live.route.ends_with_key() {
            match is_lost {
                // A new request by this key would be refused as well.
                true => self.end(live, EndReason::CutOff),
                false => self.unread.extend(InReview::of(live)),
            }
        }
    }

    /// Asks a request to end. The time that it has for it begins now: the look at all of them may
    /// have begun long ago.
    fn end(&mut self, live: &Arc<Live>, reason: EndReason) {
        if live.end(reason, self.heard) {
            let now = self.streams.manager().clock().now();
            self.ending.push_back(Ending {
                live: Arc::clone(live),
                reason,
                due: now.monotonic().saturating_add(nanos(GRACE)),
            });
        }
    }

    /// Reads keys, as many as may be read now.
    fn review(&mut self, now: Moment) {
        while self.reviews.len() < REVIEWS && self.held_until <= now.monotonic() {
            let Some(next) = self.unread.pop_front() else {
                break;
            };
            if next.live().lifeline.is_over() {
                continue;
            }
            let manager = self.streams.manager().clone();
            self.reviews.spawn(async move {
                let standing = next.ask(&manager).await;
                (next, standing)
            });
        }
    }

    fn reviewed(&mut self, reviewed: Result<(InReview, Standing), JoinError>, now: Moment) {
        // What panicked is asked again as what could not be read.
        let told = reviewed
            .ok()
            .map(|(of, standing)| (Arc::clone(of.live()), standing));
        match told {
            Some((live, standing)) if standing != Standing::Unread => {
                self.act(&live, standing, now);
            }
            _ => {
                self.held_until = now.monotonic().saturating_add(nanos(PAUSE));
                self.ask(now);
            }
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
