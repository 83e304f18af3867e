use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::key::{Key, KeyId};
use crate::usage::{KeyUsage, NodeId, SecretUsage, Usage, UsageBatch};

/// How long a node's last batch number is remembered after its last batch.
const NODE_MEMORY: Duration = Duration::from_secs(30 * 86_400);

/// The counters of use.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    keys: HashMap<KeyId, Counted>,
    nodes: HashMap<NodeId, LastBatch>,
}

#[derive(Debug, Clone, Default)]
struct Counted {
    total: Usage,
    secrets: BTreeMap<u32, Usage>,
}

#[derive(Debug, Clone)]
struct LastBatch {
    number: u64,
    at: Timestamp,
}

impl Counters {
    pub(super) fn add(&mut self, batch: &UsageBatch, keys: &HashMap<KeyId, Key>) {
        match self.nodes.get_mut(&batch.node) {
            Some(last) if last.number >= batch.number => return,
            Some(last) => {
                *last = LastBatch {
                    number: batch.number,
                    at: batch.at,
                }
            }
            None => self.meet_node(batch),
        }
        for delta in &batch.rows {
            let Some(key) = keys.get(&delta.key) else {
                continue;
            };
            let counted = self.keys.entry(delta.key).or_default();
            counted.total.add(&delta.usage);
            if key
                .secrets
                .iter()
                .any(|secret| secret.number == delta.secret)
            {
                let of_secret = counted.secrets.entry(delta.secret).or_default();
                of_secret.add(&delta.usage);
            }
        }
    }

    /// Forgets the counters of secrets that the record has no longer, and
    /// returns them.
    pub(super) fn keep_secrets(&mut self, key: &Key) -> BTreeMap<u32, Usage> {
        let Some(counted) = self.keys.get_mut(&key.id) else {
            return BTreeMap::new();
        };
        let gone = |number: &u32| key.secrets.iter().all(|secret| secret.number != *number);
        counted
            .secrets
            .extract_if(.., |number, _| gone(number))
            .collect()
    }

    /// Undoes that these were forgotten.
    pub(super) fn give_back(&mut self, key: KeyId, gone: BTreeMap<u32, Usage>) {
        if let Some(counted) = self.keys.get_mut(&key) {
            counted.secrets.extend(gone);
        }
    }

    /// The counters of a key, with a row for each of its secrets.
    pub(super) fn of(&self, key: &Key) -> KeyUsage {
        let counted = self.keys.get(&key.id);
        let of_secret = |number| counted.and_then(|counted| counted.secrets.get(number));
        KeyUsage {
            total: counted.map(|counted| counted.total).unwrap_or_default(),
            secrets: key
                .secrets
                .iter()
                .map(|secret| SecretUsage {
                    number: secret.number,
                    usage: of_secret(&secret.number).copied().unwrap_or_default(),
                })
                .collect(),
        }
    }

    pub(super) fn most_used(&self, limit: u32) -> Vec<KeyId> {
        let used = self
            .keys
            .iter()
            .filter(|(_, counted)| counted.total.granted > 0);
        let mut used: Vec<_> = used.collect();
        used.sort_by_key(|(_, counted)| std::cmp::Reverse(counted.total.granted));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        used.into_iter().take(limit).map(|(id, _)| *id).collect()
    }

    fn meet_node(&mut self, batch: &UsageBatch) {
        self.nodes
            .retain(|_, last| batch.at.since(last.at) <= NODE_MEMORY);
        self.nodes.insert(
            batch.node,
            LastBatch {
                number: batch.number,
                at: batch.at,
            },
        );
    }
}
