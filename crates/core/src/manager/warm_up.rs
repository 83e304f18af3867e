//! Reads the most used keys after the start, before anybody asks for them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

use crate::cache::Cached;
use crate::key::KeyId;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::StoreError;

/// Keys that are read ahead at the same time: few of the reads that may run.
const AT_ONCE: usize = 8;

/// How long warm-up stands back while somebody waits for a read to begin.
const PAUSE: Duration = Duration::from_millis(20);

/// How long after the start reading ahead is given up: by then requests have
/// read what is used, and a store that is this slow has enough to do.
const LONGEST: Duration = Duration::from_secs(60);

/// Begins to read ahead, where the configuration asks for it.
pub(super) fn start(shared: &Arc<Shared>) -> Option<AbortHandle> {
    if shared.config.warm_up == 0 {
        return None;
    }
    let warming = Warming::begin(Arc::clone(shared));
    Some(shared.runtime.spawn(run(warming)).abort_handle())
}

/// Reads keys until enough are cached. Ends early where the store fails or is
/// too slow: what is not read ahead is read when it is asked for. Nobody waits
/// for it in the meantime.
async fn run(warming: Warming) {
    let Warming(shared) = &warming;
    tokio::select! {
        biased;
        warmed = shared.warm_up() => if let Err(error) = warmed {
            tracing::debug!(%error, "the most used keys are not read ahead");
        },
        () = shared.clock.sleep(LONGEST) => {
            Counters::add(&shared.counters.warm_ups_cut);
            let keys = shared.counters.warmed_keys.load(Relaxed);
            tracing::warn!(keys, "reading the most used keys ahead took too long and is given up");
        }
    }
}

/// Warm-up goes on for as long as this is there, however it ends: a runtime
/// that is closed drops the task with it.
struct Warming(Arc<Shared>);

impl Warming {
    fn begin(shared: Arc<Shared>) -> Self {
        shared.counters.warming.store(true, Relaxed);
        Self(shared)
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        self.0.counters.warming.store(false, Relaxed);
    }
}

impl Shared {
    async fn warm_up(self: &Arc<Self>) -> Result<(), StoreError> {
        let capacity = u32::try_from(self.config.cache_capacity).unwrap_or(u32::MAX);
        let limit = self.config.warm_up.min(capacity);
        let used = self.within(self.store.most_used(limit)).await?;
        // A store may return more than it was asked for.
        let mut ids = used.into_iter().take(limit as usize);
        let mut reads = JoinSet::new();
        while self.keys.len() < self.config.cache_capacity {
            if !self.is_quiet() {
                self.clock.sleep(PAUSE).await;
                continue;
            }
            if reads.len() < AT_ONCE
                && let Some(id) = ids.next()
            {
                let shared = Arc::clone(self);
                reads.spawn(async move { shared.warm(id).await });
                continue;
            }
            match reads.join_next().await {
                Some(Ok(true)) => {}
                Some(Ok(false) | Err(_)) | None => break,
            }
        }
        Ok(())
    }

    /// Reads one key ahead; false where the store failed.
    async fn warm(self: &Arc<Self>, id: KeyId) -> bool {
        if self.keys.holds(id) {
            return true;
        }
        match self.read_ahead(id).await {
            Some(Ok(Cached::Present(_))) => {
                Counters::add(&self.counters.warmed_keys);
                true
            }
            // It is gone, or somebody else reads it, or too much is read.
            Some(Ok(Cached::Absent(_))) | None => true,
            Some(Err(_)) => false,
        }
    }
}
