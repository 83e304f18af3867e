use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::manager::shared::Shared;
use crate::store::{StoreError, StoreErrorKind};

/// How often at most the log tells of damage: each request for a damaged key
/// meets it anew.
const PAUSE: Duration = Duration::from_secs(60);

/// What the log was told of damage that reads of the store met. Polls do not
/// meet it, so that nobody else would tell.
#[derive(Debug, Default)]
pub(super) struct Damage(Mutex<Option<Told>>);

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Moment,
    /// Reads that have failed since, and of which nothing was told.
    untold: u64,
}

impl Damage {
    /// Whether the log is to hear of damage that was met now: then how often it
    /// was met without a word since the last time.
    fn claim(&self, now: Moment) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Told { at, untold }) = told.as_mut()
            && now.age_since(*at) < PAUSE
        {
            *untold = untold.saturating_add(1);
            return None;
        }
        let before = told.replace(Told { at: now, untold: 0 });
        Some(before.map_or(0, |before| before.untold))
    }
}

impl Shared {
    /// Tells the log where a read of `what` failed because of damage.
    pub(super) fn tell_damage(&self, what: impl std::fmt::Display, error: &StoreError) {
        if error.kind() != StoreErrorKind::Corrupt {
            return;
        }
        if let Some(untold) = self.damage.claim(self.clock.now()) {
            tracing::error!(
                store = ?self.store, %what, %error, untold,
                "the store holds what is damaged: whoever needs it is answered as unavailable (503) \
                 until it is mended or a backup is put in its place"
            );
        }
    }
}
