use std::sync::atomic::{AtomicBool, Ordering};

/// What the two directions of a tunnel know of each other. One task moves both, so relaxed is
/// enough.
#[derive(Debug, Default)]
pub(crate) struct Link {
    upstream_over: AtomicBool,
    client_over: AtomicBool,
    idle: AtomicBool,
    broke: AtomicBool,
}

impl Link {
    /// The upstream says nothing more.
    pub(super) fn end_upstream(&self) {
        self.upstream_over.store(true, Ordering::Relaxed);
    }

    /// Whether that is so.
    pub(crate) fn is_upstream_over(&self) -> bool {
        self.upstream_over.load(Ordering::Relaxed)
    }

    /// The client says nothing more, or nobody hears it.
    pub(crate) fn end_client(&self) {
        self.client_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_client_over(&self) -> bool {
        self.client_over.load(Ordering::Relaxed)
    }

    /// Nothing passed for too long.
    pub(crate) fn is_too_quiet(&self) {
        self.idle.store(true, Ordering::Relaxed);
    }

    /// The upstream broke off where that looks like an end.
    pub(super) fn break_upstream(&self) {
        self.broke.store(true, Ordering::Relaxed);
    }

    /// Whether that is so.
    pub(crate) fn has_upstream_broken(&self) -> bool {
        self.broke.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed)
    }
}
