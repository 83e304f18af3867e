use std::sync::Arc;

use tokio::sync::mpsc;

use super::meters::{Lost, Meters};
use super::span::Spans;

/// The queue before the task that sends spans. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct SpanQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sender: mpsc::Sender<Spans>,
    meters: Meters,
}

impl SpanQueue {
    /// With room for the spans of so many requests.
    pub(super) fn new(requests: usize, meters: Meters) -> (Self, mpsc::Receiver<Spans>) {
        let (sender, receiver) = mpsc::channel(requests);
        let shared = Arc::new(Shared { sender, meters });
        (Self { shared }, receiver)
    }

    /// Hands the spans of a request over, and never waits.
    pub(crate) fn hand(&self, spans: Spans) {
        let refused = match self.shared.sender.try_send(spans) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(spans)) => (spans, Lost::QueueFull),
            Err(mpsc::error::TrySendError::Closed(spans)) => (spans, Lost::Shutdown),
        };
        let (spans, why) = refused;
        self.shared.meters.lost(spans.count(), why);
    }
}
