use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::UpstreamConfig;
use super::metrics::{Counted, Meters};

/// How many requests an upstream is given at once, and how many wait for their turn.
#[derive(Debug)]
pub(super) struct Room {
    seats: Arc<Semaphore>,
    queue: Semaphore,
    wait: Duration,
    meters: Arc<Meters>,
}

/// The right to be one of the requests under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Room {
    pub(super) fn new(config: &UpstreamConfig, meters: &Arc<Meters>) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(config.max_requests)),
            queue: Semaphore::new(config.max_waiting),
            wait: config.wait_timeout,
            meters: Arc::clone(meters),
        }
    }

    /// Waits for a seat, in the order of arrival. None where too many wait already, or for too
    /// long.
    pub(super) async fn enter(&self) -> Option<Seat> {
        // A seat that becomes free goes to whoever waits: nobody comes before them here.
        if let Ok(permit) = Arc::clone(&self.seats).try_acquire_owned() {
            return Some(self.seat(permit));
        }
        let _place = self.queue.try_acquire().ok()?;
        let _counted = Counted::new(&self.meters.waiting);
        let permit = timeout(self.wait, Arc::clone(&self.seats).acquire_owned());
        Some(self.seat(permit.await.ok()?.ok()?))
    }

    fn seat(&self, permit: OwnedSemaphorePermit) -> Seat {
        Seat {
            _permit: permit,
            _counted: Counted::new(&self.meters.in_flight),
        }
    }
}
