use tokio::sync::watch;

use crate::manager::KeyManager;

/// Tells that what this node knows has changed, so that a grant may not
/// [stand](super::Standing) any more. It does not tell of which keys: whoever
/// asks for all of them misses none.
#[derive(Debug)]
pub struct ChangeSignal {
    raises: watch::Receiver<u64>,
}

/// How often the gate was raised.
#[derive(Debug, Default)]
pub(super) struct Raises {
    count: watch::Sender<u64>,
}

impl KeyManager {
    /// A signal of all changes from now on: those that are made here, those of
    /// other nodes once this one has heard of them, and that the store was
    /// restored. Time is no change, and neither is that the store is away.
    #[must_use]
    pub fn changes(&self) -> ChangeSignal {
        ChangeSignal {
            raises: self.shared().raises.count.subscribe(),
        }
    }
}

impl ChangeSignal {
    /// Waits until something has changed since the last time; for several
    /// changes it may end once. Says whether there may be more: not where the
    /// manager is gone. A future that is dropped takes no change with it.
    pub async fn changed(&mut self) -> bool {
        self.raises.changed().await.is_ok()
    }
}

impl Raises {
    /// To be told **after** the gate was raised: whoever hears of it and asks
    /// must meet the raised gate.
    pub(super) fn tell(&self) {
        self.count
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}
