use crate::clock::Timestamp;
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

    /// Whether one more key fits at `now`, or the one `beside` which others are
    /// counted; `live` counts those neither revoked nor expired, that one among
    /// them, and is asked only where it matters.
    pub(super) fn has_room(
        &self,
        beside: Option<&Key>,
        now: Timestamp,
        live: impl FnOnce() -> usize,
    ) -> bool {
        let own = u64::from(beside.is_some_and(|key| key.takes_room(now)));
        let bound = u64::from(self.service.quota) + own;
        self.unrevoked < bound || u64::try_from(live()).is_ok_and(|live| live < bound)
    }

    /// Takes a key's state before and after a change into account.
    pub(super) fn recount(&mut self, before: Option<&Key>, after: Option<&Key>) {
        let counts = |key: &Key| !matches!(key.state, KeyState::Revoked(_));
        match (before.is_some_and(counts), after.is_some_and(counts)) {
            (false, true) => self.unrevoked = self.unrevoked.saturating_add(1),
            (true, false) => self.unrevoked = self.unrevoked.saturating_sub(1),
            _ => {}
        }
    }
}
