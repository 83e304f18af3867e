//! Digests move to the current root as their secrets are used: only who
//! presents a token can say what its digest is under another root. They move
//! forward in the keyring's order alone: nodes that disagree about the current
//! root do not take them from each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cache::{Entry, Found};
use crate::key::KeyId;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::store::{Redigest, StoreErrorKind};
use crate::token::ParsedToken;

/// Digests that one write moves at most.
const BATCH: usize = 1_000;

/// Digests that wait at most. What finds no place comes again with a later use.
const MOST: usize = 8 * BATCH;

/// Digests of a batch that the store refuses one by one at most: a store that
/// refuses more has another fault than a damaged record.
const MOST_REFUSED: usize = 16;

/// Digests that are to move, one for each secret.
#[derive(Debug, Default)]
pub(super) struct Redigests {
    waiting: Mutex<HashMap<(KeyId, u32), Redigest>>,
    /// How many wait, roughly: looked at without the lock.
    count: AtomicUsize,
}

impl Redigests {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    fn has_room(&self) -> bool {
        self.len() < MOST
    }

    fn add(&self, redigests: impl IntoIterator<Item = Redigest>) {
        let mut waiting = self.waiting();
        for redigest in redigests {
            if waiting.len() < MOST {
                waiting.insert((redigest.key, redigest.secret), redigest);
            }
        }
        self.count.store(waiting.len(), Relaxed);
    }

    fn take(&self) -> Vec<Redigest> {
        let mut waiting = self.waiting();
        let first: Vec<(KeyId, u32)> = waiting.keys().take(BATCH).copied().collect();
        let taken = first
            .iter()
            .filter_map(|secret| waiting.remove(secret))
            .collect();
        self.count.store(waiting.len(), Relaxed);
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<(KeyId, u32), Redigest>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Has the digest of a secret that was just proven moved to the current
    /// root, if that stands behind the digest's, once for each cached record. Where it is there already, which is
    /// nearly always, this compares two short names.
    pub(super) fn move_digest(&self, token: &ParsedToken, entry: &Entry, found: &Found<'_>) {
        let (current, secret) = (self.keyring.current(), found.secret);
        if secret.root == current.name
            || !self.keyring.current_is_behind(&secret.root)
            || !self.redigests.has_room()
            || !entry.claim_redigest(found.place)
        {
            return;
        }
        self.redigests.add([Redigest {
            key: token.id,
            secret: secret.number,
            old: secret.digest,
            new: current.digest(token),
            root: current.name.clone(),
        }]);
    }

    /// Writes the digests that wait. Where the store is away they wait on.
    pub(super) async fn flush_digests(&self) {
        // Bounded by what can wait: more may come meanwhile.
        for _ in 0..MOST / BATCH {
            let batch = self.redigests.take();
            if batch.is_empty() || !self.move_batch(batch).await {
                return;
            }
        }
    }

    /// Writes a batch, in halves where the store refuses it, until what cannot
    /// be written stands alone: one record that is damaged must not stand in the
    /// way of the others. Says whether the store answers.
    async fn move_batch(&self, batch: Vec<Redigest>) -> bool {
        let (mut parts, mut refused) = (vec![batch], 0);
        while let Some(mut part) = parts.pop() {
            let moved = async { self.store.redigest(part.clone()).await };
            let error = match self.within(moved).await {
                Ok(moved) => {
                    self.counters.redigests.fetch_add(moved, Relaxed);
                    continue;
                }
                Err(error) => error,
            };
            let later = matches!(
                error.kind(),
                StoreErrorKind::Busy | StoreErrorKind::Unavailable
            );
            if later {
                Counters::add(&self.counters.redigest_failures);
                tracing::debug!(%error, "moving digests failed; they wait");
                self.redigests.add(parts.into_iter().flatten().chain(part));
                return false;
            }
            if part.len() > 1 {
                let half = part.split_off(part.len() / 2);
                parts.extend([half, part]);
                continue;
            }
            // It comes again when it is read and used again.
            Counters::add(&self.counters.redigest_failures);
            let key = part.first().map(|one| tracing::field::display(one.key));
            tracing::warn!(%error, key, "a digest could not be moved");
            refused += 1;
            if refused == MOST_REFUSED {
                return true;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH, MOST, Redigests};
    use crate::key::{Digest, KeyId};
    use crate::store::Redigest;

    fn redigest(key: KeyId, secret: u32) -> Redigest {
        Redigest {
            key,
            secret,
            old: Digest::from_bytes([1; 32]),
            new: Digest::from_bytes([2; 32]),
            root: "k2".parse().expect("name"),
        }
    }

    #[test]
    fn each_secret_waits_once_and_no_more_than_a_batch_is_taken() {
        let (redigests, key) = (Redigests::default(), KeyId::random());
        for secret in [1, 2, 1, 1] {
            redigests.add([redigest(key, secret)]);
        }
        assert_eq!(redigests.len(), 2);
        assert_eq!(redigests.take().len(), 2);
        assert_eq!(redigests.take().len(), 0);

        redigests.add((0..MOST as u32 + 10).map(|secret| redigest(key, secret)));
        assert_eq!(redigests.len(), MOST, "bounded");
        assert!(!redigests.has_room());
        let taken = redigests.take();
        assert_eq!(taken.len(), BATCH);
        redigests.add(taken);
        assert_eq!(redigests.len(), MOST, "what was not written waits on");
    }
}
