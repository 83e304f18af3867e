//! The flusher: writes counters behind, and hands totals to the recorder.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::manager::ManagerStats;
use crate::manager::handle::Request;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::StoreError;
use crate::usage::Flusher;

/// Flushes at every interval, on request, and once more when the last handle
/// is dropped.
pub(super) async fn run(shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>) {
    let mut flusher = Flusher::new();
    loop {
        tokio::select! {
            biased;
            request = requests.recv() => {
                // What is frozen, and what was counted since: after a flush
                // that was asked for, nothing counted before is left.
                let mut flushed = shared.flush(&mut flusher).await;
                if flushed.is_ok() {
                    flushed = shared.flush(&mut flusher).await;
                }
                match request {
                    Some(reply) => {
                        // Whoever asked may have gone away.
                        let _ = reply.send(flushed);
                    }
                    None => return,
                }
            }
            () = shared.clock.sleep(shared.config.flush_interval) => {
                // Said in the log and counted; the batch is sent again.
                let _ = shared.flush(&mut flusher).await;
            }
        }
    }
}

impl Shared {
    pub(super) fn stats(&self) -> ManagerStats {
        self.counters.stats(self.keys.len(), self.loads_pending())
    }

    async fn flush(&self, flusher: &mut Flusher) -> Result<(), StoreError> {
        let flushed = self.send(flusher).await;
        self.stats().export(&self.config.namespace);
        metrics::gauge!("portcullis_store_age_seconds", "namespace" => self.config.namespace.clone())
            .set(self.freshness.age(self.clock.now()).as_secs_f64());
        flushed
    }

    async fn send(&self, flusher: &mut Flusher) -> Result<(), StoreError> {
        let Some(batch) = flusher.next(&self.usage, self.clock.now().wall()) else {
            return Ok(());
        };
        let added = self.within(async { self.store.add_usage(batch).await });
        match added.await {
            Ok(()) => {
                flusher.acknowledged();
                Counters::add(&self.counters.flushes);
                Ok(())
            }
            Err(error) => {
                Counters::add(&self.counters.flush_failures);
                tracing::warn!(%error, "writing usage failed; it is kept and sent again");
                Err(error)
            }
        }
    }
}
