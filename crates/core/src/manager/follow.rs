//! The follower: asks the store for changes, and raises the gate.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cache::Stamp;
use crate::manager::handle::Request;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::{Changes, Head, StoreError};

/// Polls until the last handle is dropped.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut head: Head,
    mut requests: mpsc::Receiver<Request>,
) {
    loop {
        let request = tokio::select! {
            biased;
            request = requests.recv() => match request {
                Some(request) => Some(request),
                None => return,
            },
            () = shared.clock.sleep(shared.config.poll_interval) => None,
        };
        let polled = shared.poll(&mut head).await;
        if let Some(reply) = request {
            // Whoever asked may have gone away.
            let _ = reply.send(polled);
        }
    }
}

impl Shared {
    /// One poll. It is good once everything that it told is raised; only then
    /// is the moment published at which it was **sent**.
    async fn poll(self: &Arc<Self>, head: &mut Head) -> Result<(), StoreError> {
        let sent = self.clock.now();
        match self.ask(*head).await {
            Ok(changes) => {
                *head = self.follow(changes);
                self.freshness.verified(sent);
                Counters::add(&self.counters.polls);
                if self.counters.last_error().is_some() {
                    tracing::info!("the store answers again");
                    self.counters.store_state(None);
                }
                self.look_for_missing_roots().await;
                Ok(())
            }
            Err(error) => {
                Counters::add(&self.counters.poll_failures);
                if self.counters.last_error().is_none() {
                    let max_staleness = self.config.max_staleness;
                    tracing::warn!(%error, ?max_staleness, "the store does not answer; cached keys go on counting for max_staleness");
                }
                self.counters.store_state(Some(error.to_string()));
                Err(error)
            }
        }
    }

    /// What has changed since `head`. The store must also remember what this
    /// node has met of it outside its polls: a restored one does not.
    async fn ask(&self, head: Head) -> Result<Changes, StoreError> {
        // Taken before the store is asked: what is met later may be newer than
        // the answer.
        let epoch = self.gate.epoch();
        let met = self.witness.unverified(epoch);
        let changes = self.changes(head).await?;
        let now = changes.head();
        for met in met.iter().filter(|met| **met != head && **met != now) {
            if met.revision >= now.revision {
                return Ok(Changes::Diverged { head: now });
            }
            match self.changes(*met).await? {
                diverged @ Changes::Diverged { .. } => return Ok(diverged),
                Changes::Some { .. } | Changes::All { .. } => {}
            }
        }
        self.witness.verified(epoch, now, &met);
        Ok(changes)
    }

    async fn changes(&self, since: Head) -> Result<Changes, StoreError> {
        self.within(async { self.store.changes(since).await }).await
    }

    /// Raises what changed, and returns where the store stands.
    fn follow(self: &Arc<Self>, changes: Changes) -> Head {
        let head = changes.head();
        // The epoch is taken after the answer: whatever is read in a later one
        // is asked for after it, and holds all that the answer tells.
        let stamp = Stamp::new(self.gate.epoch(), head.revision);
        match changes {
            Changes::Some { keys, services, .. } => {
                let any = services || !keys.is_empty();
                for id in keys {
                    self.gate.raise_key(id, stamp);
                }
                if services {
                    self.gate.raise_services(stamp);
                    self.renew_services();
                }
                if any {
                    self.raises.tell();
                }
            }
            Changes::All { .. } => {
                self.gate.raise_all(stamp);
                self.renew_services();
                self.raises.tell();
            }
            Changes::Diverged { .. } => self.diverge(head),
        }
        head
    }

    /// Has the services read ahead of the next request. Where it fails, that
    /// request reads them.
    pub(super) fn renew_services(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        self.runtime
            .spawn(async move { shared.load_services().await });
    }
}
