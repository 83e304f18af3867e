use std::array;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis::KeyManager;
use tokio::sync::Notify;

use super::LiveLayer;
use super::entry::Live;
use crate::route::RouteMeta;

/// The requests that are being served by a key. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct LiveStreams {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manager: KeyManager,
    /// By number. Requests come and go on all threads: each finds its shard to itself.
    shards: [Mutex<Shard>; SHARDS],
    next: AtomicU64,
    /// A request has to be looked at of which no signal tells.
    look: Notify,
}

type Shard = HashMap<u64, Arc<Live>>;

pub(super) const SHARDS: usize = 64;

/// That a request is entered. Dropped where it is answered, or given up: nothing ends it then.
#[derive(Debug)]
pub(super) struct Ticket {
    streams: LiveStreams,
    number: u64,
    live: Arc<Live>,
}

impl LiveStreams {
    /// Nobody is served yet, and nobody watches: see [`watch`](Self::watch).
    pub(crate) fn new(manager: KeyManager) -> Self {
        let shared = Shared {
            manager,
            shards: array::from_fn(|_| Mutex::default()),
            next: AtomicU64::new(0),
            look: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Enters the requests of a route, to be put behind its guard. Its gauge goes to the recorder
    /// that is installed now.
    pub(crate) fn layer(&self, route: &RouteMeta) -> LiveLayer {
        LiveLayer::new(self.clone(), route)
    }

    pub(super) fn manager(&self) -> &KeyManager {
        &self.shared.manager
    }

    pub(super) fn enter(&self, live: Live) -> Ticket {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let live = Arc::new(live);
        live.route.requests.increment(1.0);
        self.shard(number).insert(number, Arc::clone(&live));
        Ticket {
            streams: self.clone(),
            number,
            live,
        }
    }

    /// Those of one shard; there are [`SHARDS`].
    pub(super) fn of_shard(&self, number: usize) -> Vec<Arc<Live>> {
        let shard = self.shared.shards.get(number);
        shard.map_or_else(Vec::new, |shard| locked(shard).values().cloned().collect())
    }

    /// Has all requests looked at soon.
    pub(super) fn look_again(&self) {
        self.shared.look.notify_one();
    }

    /// Ends when that was asked for.
    pub(super) async fn look_asked(&self) {
        self.shared.look.notified().await;
    }

    /// How many are being served.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shared
            .shards
            .iter()
            .map(|shard| locked(shard).len())
            .sum()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder of division by the length"
    )]
    fn shard(&self, number: u64) -> MutexGuard<'_, Shard> {
        locked(&self.shared.shards[usize::try_from(number).unwrap_or(0) % SHARDS])
    }
}

impl Ticket {
    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.live.lifeline.over();
        let live = self.streams.shard(self.number).remove(&self.number);
        // What it holds is dropped where nothing is locked.
        drop(live);
        self.live.record_end(self.streams.manager());
        self.live.route.requests.decrement(1.0);
    }
}

fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
