use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::UpstreamConfig;

/// How many requests an upstream is given at once, and how many wait for their turn.
#[derive(Debug)]
pub(super) struct Room {
    seats: Arc<Semaphore>,
    queue: Semaphore,
    wait: Duration,
}

/// The right to be one of the requests under way, until it is dropped.
pub(super) type Seat = OwnedSemaphorePermit;

impl Room {
    pub(super) fn new(config: &UpstreamConfig) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(config.max_requests)),
            queue: Semaphore::new(config.max_waiting),
            wait: config.wait_timeout,
        }
    }

    /// Waits for a seat, in the order of arrival. None where too many wait already, or for too
    /// long.
    pub(super) async fn enter(&self) -> Option<Seat> {
        // A seat that becomes free goes to whoever waits: nobody comes before them here.
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return Some(seat);
        }
        let _place = self.queue.try_acquire().ok()?;
        let seat = timeout(self.wait, Arc::clone(&self.seats).acquire_owned());
        seat.await.ok()?.ok()
    }
}
