use crate::key::{Key, KeyState};
use crate::service::Service;

/// A service, and what its quota is counted with.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) service: Service,
    /// Keys that are not revoked, the expired ones among them: as long as it
    /// lies below the quota, nobody has to look at the clock.
    unrevoked: u64,
}

impl Held {
    pub(super) fn new(service: Service) -> Self {
        Self {
            service,
            unrevoked: 0,
        }
    }

    /// Whether one more key fits; `live` counts those neither revoked nor
    /// expired, and is asked only where it matters.
    pub(super) fn has_room(&self, live: impl FnOnce() -> usize) -> bool {
        let quota = u64::from(self.service.quota);
        self.unrevoked < quota || u64::try_from(live()).is_ok_and(|live| live < quota)
    }

    /// Takes a key's state before and after a change into account.
    pub(super) fn recount(&mut self, before: Option<&Key>, after: &Key) {
        let counts = |key: &Key| !matches!(key.state, KeyState::Revoked(_));
        match (before.is_some_and(counts), counts(after)) {
            (false, true) => self.unrevoked = self.unrevoked.saturating_add(1),
            (true, false) => self.unrevoked = self.unrevoked.saturating_sub(1),
            _ => {}
        }
    }
}
