use std::collections::{HashMap, HashSet};

use super::broken::{Fault, Outcome, same};
use super::draw::Draw;
use super::driver::Driver;
use super::samples::{at, service};
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter, KeyId};
use crate::store::Operation;
use crate::usage::{NodeId, Usage, UsageBatch, UsageDelta};

/// Keys as they were drawn, and when each was last used.
pub(super) struct Drawn {
    pub(super) draw: Draw,
    pub(super) keys: Vec<Key>,
    pub(super) used: HashMap<KeyId, Timestamp>,
}

impl Drawn {
    /// Writes `count` keys of three services, and the uses of most.
    pub(super) async fn write(driver: &Driver, seed: u64, count: usize) -> Result<Self, Fault> {
        for name in ["orders", "order", "orders-2"] {
            driver
                .create_service(service(name.parse()?, 10_000))
                .await?;
        }
        let mut drawn = Self {
            draw: Draw::new(seed),
            keys: Vec::new(),
            used: HashMap::new(),
        };
        for _ in 0..count {
            let key = drawn.draw.key()?;
            drawn.keys.push(key);
        }
        for some in drawn.keys.chunks(500) {
            let creations = some.iter().map(|key| Operation::CreateKey {
                key: key.clone(),
                now: at(0),
            });
            let change = driver.steps(creations.collect());
            driver.store.commit(change).await?;
        }
        drawn.use_some(driver, 1).await?;
        Ok(drawn)
    }

    /// Uses about three of four keys, at times that filters ask for.
    pub(super) async fn use_some(&mut self, driver: &Driver, number: u64) -> Outcome {
        let mut rows = Vec::new();
        for key in &self.keys {
            if self.draw.one_in(4) {
                continue;
            }
            let granted = u64::from(self.draw.below(2));
            let last = at(i64::from(self.draw.below(21)));
            let usage = Usage {
                granted,
                throttled: 1,
                // A refusal alone is no use.
                last_used_at: (granted > 0).then_some(last),
                ..Usage::default()
            };
            if granted > 0 {
                let before = self.used.entry(key.id).or_insert(last);
                *before = last.max(*before);
            }
            rows.push(UsageDelta {
                key: key.id,
                secret: 1,
                usage,
            });
        }
        let batch = UsageBatch {
            node: NodeId::random(),
            number,
            at: at(0),
            rows,
        };
        Ok(driver.store.add_usage(&batch).await?)
    }

    /// Fails unless the listing has exactly the keys that match, each once.
    pub(super) async fn expect(
        &self,
        driver: &Driver,
        filter: &KeyFilter,
        limit: u32,
        now: Timestamp,
    ) -> Outcome {
        let what = |text: &str| format!("{text} of {filter:?} at {now}, by {limit}");
        let matching = |key: &&Key| filter.matches(key, self.used.get(&key.id).copied(), now);
        let expected: HashMap<KeyId, &Key> = self
            .keys
            .iter()
            .filter(matching)
            .map(|key| (key.id, key))
            .collect();
        let found = driver.list(filter, limit, now).await?;
        let ids: HashSet<KeyId> = found.iter().map(|key| key.id).collect();
        same(&what("keys listed twice"), &(found.len() - ids.len()), &0)?;
        let missing: Vec<_> = expected.keys().filter(|id| !ids.contains(id)).collect();
        same(&what("keys missing"), &missing, &Vec::new())?;
        for key in &found {
            let Some(written) = expected.get(&key.id) else {
                return Err(Fault::new(format!("{}: {key:?}", what("no key"))));
            };
            same(&what("a key"), &key, written)?;
        }
        Ok(())
    }
}
