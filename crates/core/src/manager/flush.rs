//! The flusher: writes counters behind, and hands totals to the recorder.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::manager::handle::Request;
use crate::manager::metrics::Recording;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::StoreError;
use crate::usage::Flusher;

/// Flushes at every interval, on request, and once more when the last handle
/// is dropped.
pub(super) async fn run(shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>) {
    let mut flusher = Flusher::new();
    let mut recording = Recording::new(&shared.config.namespace);
    loop {
        tokio::select! {
            biased;
            request = requests.recv() => {
                let flushed = shared.flush(&mut flusher, &mut recording).await;
                // Nobody may be there to tell it later.
                shared.tell_refusals(true).await;
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
                let _ = shared.flush(&mut flusher, &mut recording).await;
                shared.tell_refusals(false).await;
            }
        }
    }
}

impl Shared {
    async fn flush(
        &self,
        flusher: &mut Flusher,
        recording: &mut Recording,
    ) -> Result<(), StoreError> {
        let flushed = self.write(flusher).await;
        self.flush_digests().await;
        recording.hand_over(&self.stats(), self.freshness.age(self.clock.now()));
        flushed
    }

    /// Writes what an earlier flush could not, and then what was counted since.
    async fn write(&self, flusher: &mut Flusher) -> Result<(), StoreError> {
        self.send(flusher).await?;
        flusher.gather(&self.usage, self.clock.now().wall());
        self.send(flusher).await
    }

    /// Sends what was gathered, batch by batch.
    async fn send(&self, flusher: &mut Flusher) -> Result<(), StoreError> {
        while let Some(batch) = flusher.next(self.clock.now().wall()) {
            let added = self.within(async { self.store.add_usage(batch).await });
            added.await.inspect_err(|error| {
                Counters::add(&self.counters.flush_failures);
                tracing::warn!(%error, "writing usage failed; it is kept and sent again");
            })?;
            flusher.acknowledged();
            Counters::add(&self.counters.flushes);
        }
        Ok(())
    }
}
