use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis::key::{Key, KeyId};
use portcullis::usage::{KeyUsage, SecretUsage, Usage, UsageBatch};

use super::tables::Tables;

/// What was counted of a key.
#[derive(Clone, Default)]
pub(super) struct Counted {
    pub(super) total: Usage,
    secrets: BTreeMap<u32, Usage>,
}

impl Tables {
    /// Adds a batch, unless the node sent it or a later one before: it sends
    /// one again whose acknowledgement was lost.
    pub(super) fn add_usage(&mut self, batch: &UsageBatch) {
        let last = self.batches.entry(batch.node).or_default();
        if *last >= batch.number {
            return;
        }
        *last = batch.number;
        for delta in &batch.rows {
            let Some(key) = self.key(&delta.key) else {
                continue;
            };
            let stands = key
                .secrets
                .iter()
                .any(|secret| secret.number == delta.secret);
            let counted = Arc::make_mut(self.counted.entry(delta.key).or_default());
            counted.total.add(&delta.usage);
            if stands {
                counted
                    .secrets
                    .entry(delta.secret)
                    .or_default()
                    .add(&delta.usage);
            }
        }
    }

    /// Forgets what was counted of secrets that the record has no longer.
    pub(super) fn forget_secrets(&mut self, key: &Key) {
        if let Some(counted) = self.counted.get_mut(&key.id) {
            let stands = |number| key.secrets.iter().any(|secret| secret.number == number);
            Arc::make_mut(counted)
                .secrets
                .retain(|number, _| stands(*number));
        }
    }

    pub(super) fn usage(&self, keys: &[KeyId]) -> Vec<KeyUsage> {
        keys.iter().map(|id| self.usage_of(id)).collect()
    }

    fn usage_of(&self, id: &KeyId) -> KeyUsage {
        let Some(key) = self.key(id) else {
            return KeyUsage::default();
        };
        let counted = self.counted.get(id).cloned().unwrap_or_default();
        let of_secret = |number| SecretUsage {
            number,
            usage: counted.secrets.get(&number).copied().unwrap_or_default(),
        };
        KeyUsage {
            total: counted.total,
            secrets: key
                .secrets
                .iter()
                .map(|secret| of_secret(secret.number))
                .collect(),
        }
    }

    pub(super) fn most_used(&self, limit: u32) -> Vec<KeyId> {
        let granted = |(id, counted): (&KeyId, &Arc<Counted>)| (counted.total.granted, *id);
        let mut used: Vec<_> = self.counted.iter().map(granted).collect();
        used.retain(|(granted, _)| *granted > 0);
        used.sort_unstable_by(|a, b| b.cmp(a));
        used.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        used.into_iter().map(|(_, id)| id).collect()
    }
}
