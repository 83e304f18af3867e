use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::key::KeyId;
use crate::sync::{Mutex, PoisonError, parts};
use crate::usage::{UsageCell, UsageDelta};

const SHARDS: usize = parts(64);

/// Cells by key and number of the secret, in this order.
type Shard = BTreeMap<(KeyId, u32), Arc<UsageCell>>;

/// The counters of all secrets in use, by key and number.
///
/// A cell lives as long as a cached entry holds it or something is left to
/// write: while the store takes no counts there are at most as many as secrets
/// were issued, as who was not issued one is not counted. It is locked when an entry is made and when counters are gathered,
/// never while a request is counted.
#[derive(Debug)]
pub(crate) struct UsageTable {
    shards: [Mutex<Shard>; SHARDS],
}

impl UsageTable {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// The secret's cell, the same for every generation of its key's entry.
    pub(crate) fn cell(&self, key: KeyId, secret: u32) -> Arc<UsageCell> {
        let mut shard = self
            .shard(key)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shard.entry((key, secret)).or_default())
    }

    /// Takes everything counted until `now`, and forgets the cells that nobody
    /// holds.
    pub(crate) fn take(&self, now: Timestamp) -> Vec<UsageDelta> {
        let mut rows = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|&(key, secret), cell| {
                // Looked at before the counters are taken: whoever let go in
                // between may have counted until then. `get_mut` orders what
                // the last holder counted before this; a count alone would not.
                let held = Arc::get_mut(cell).is_none();
                let usage = cell.take(now);
                rows.extend(usage.map(|usage| UsageDelta { key, secret, usage }));
                held || usage.is_some()
            });
        }
        rows
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder of division by the length"
    )]
    fn shard(&self, key: KeyId) -> &Mutex<Shard> {
        let [.., last] = *key.as_bytes();
        &self.shards[usize::from(last) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::UsageTable;
    use crate::clock::Timestamp;
    use crate::key::KeyId;

    #[test]
    fn nothing_counted_is_lost_when_entries_come_and_go() {
        let table = UsageTable::new();
        let key = KeyId::random();
        let first = table.cell(key, 1);
        first.record_granted(Timestamp::from_millis(5), None);
        drop(first);
        let second = table.cell(key, 1);
        second.record_granted(Timestamp::from_millis(3), None);
        let rows = table.take(Timestamp::MAX);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].usage.granted, 2);
        assert_eq!(rows[0].usage.last_used_at, Some(Timestamp::from_millis(5)));
        assert!(
            table.take(Timestamp::MAX).is_empty(),
            "what was taken is not taken again"
        );
        assert!(!Arc::ptr_eq(&second, &table.cell(key, 2)), "another secret");
        assert!(
            Arc::ptr_eq(&second, &table.cell(key, 1)),
            "a held cell stays"
        );
        drop(second);
        assert!(table.take(Timestamp::MAX).is_empty());
    }
}
