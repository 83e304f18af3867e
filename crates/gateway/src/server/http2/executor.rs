use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::rt::Executor;

use super::{Severable, Stream};
use crate::server::ServerStats;

/// Runs the streams of one connection, each as a task of its own that can be cut.
///
/// hyper hands over a stream's future right after it called the service for its request, on the
/// same thread and with nothing between: whatever [`StreamService`](super::StreamService) has
/// filled the slot with is that stream's.
#[derive(Clone, Debug)]
pub(super) struct StreamExecutor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    slot: Mutex<Option<Stream>>,
    is_astray: AtomicBool,
    write_timeout: Duration,
    stats: ServerStats,
}

impl StreamExecutor {
    pub(super) fn new(write_timeout: Duration, stats: ServerStats) -> Self {
        Self {
            shared: Arc::new(Shared {
                slot: Mutex::new(None),
                is_astray: AtomicBool::new(false),
                write_timeout,
                stats,
            }),
        }
    }

    /// Says whose future the next one is.
    pub(super) fn expect(&self, stream: Stream) {
        if self.slot().replace(stream).is_some() {
            // The one before runs where nothing can cut it.
            self.shared.is_astray.store(true, Ordering::Relaxed);
            tracing::error!("a stream of HTTP/2 was not run: its connection is closed");
        }
    }

    /// Whether there is a stream that cannot be cut on its own, against all that is known of hyper.
    pub(super) fn is_astray(&self) -> bool {
        self.shared.is_astray.load(Ordering::Relaxed)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Stream>> {
        let slot = self.shared.slot.lock();
        slot.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = self.slot().take();
        match stream {
            Some(stream) => {
                let (timeout, stats) = (self.shared.write_timeout, self.shared.stats.clone());
                tokio::spawn(Severable::new(future, stream, timeout, stats));
            }
            // A tunnel behind CONNECT, which is never answered with success.
            None => drop(tokio::spawn(future)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_is_not_run_is_noticed() {
        let executor = StreamExecutor::new(Duration::from_secs(1), ServerStats::default());
        executor.expect(Stream::new());
        executor.execute(async {});
        executor.expect(Stream::new());
        assert!(!executor.is_astray());
        executor.expect(Stream::new());
        assert!(executor.is_astray());
    }
}
