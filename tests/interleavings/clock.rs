use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use interleaved_core::clock::{Clock, ManualClock, Moment};
use interleaved_core::store::BoxFuture;

/// A clock that moves when it is told to, and by a nanosecond whenever it is
/// read: of two readings, one is the later.
#[derive(Debug, Clone)]
pub(crate) struct StepClock {
    told: ManualClock,
    read: Arc<AtomicU64>,
}

impl StepClock {
    pub(crate) fn new() -> Self {
        Self {
            told: ManualClock::new(),
            read: Arc::new(AtomicU64::new(0)),
        }
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.told.advance(duration);
    }
}

impl Clock for StepClock {
    fn now(&self) -> Moment {
        let told = self.told.now();
        let read = self.read.fetch_add(1, SeqCst);
        Moment::new(told.monotonic() + read, told.wall())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.told.sleep(duration)
    }
}
