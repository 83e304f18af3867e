use std::sync::{Arc, Mutex, PoisonError};

use portcullis_core::store::StoreFault;

/// What the thread that writes says of the disk to whoever asks: why no changes
/// can be made. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing(Arc<Mutex<Option<StoreFault>>>);

impl Standing {
    pub(super) fn fault(&self) -> Option<StoreFault> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, fault: Option<StoreFault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}
