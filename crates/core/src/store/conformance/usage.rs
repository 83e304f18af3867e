use super::broken::{Fault, Outcome, holds, same};
use super::driver::Driver;
use super::samples::{ORDERS, at, key, secret, service};
use crate::key::{Key, KeyId};
use crate::usage::{
    AddressClass, KeyUsage, NodeId, Refusals, SecretUsage, Usage, UsageBatch, UsageDelta,
};

fn usage(granted: u64, ended: u64, throttled: u64, last: Option<i64>) -> Usage {
    Usage {
        granted,
        refused: Refusals {
            ended,
            ..Refusals::default()
        },
        throttled,
        last_used_at: last.map(at),
        last_address: None,
    }
}

/// A node that counts, and numbers its batches.
struct Counter<'a> {
    driver: &'a Driver,
    node: NodeId,
    number: u64,
}

impl<'a> Counter<'a> {
    fn new(driver: &'a Driver) -> Self {
        Self {
            driver,
            node: NodeId::random(),
            number: 0,
        }
    }

    /// The next batch, of rows for the keys' first secrets.
    fn batch(&mut self, rows: &[(KeyId, Usage)]) -> UsageBatch {
        let rows: Vec<_> = rows.iter().map(|(key, usage)| (*key, 1, *usage)).collect();
        self.batch_of_secrets(&rows)
    }

    fn batch_of_secrets(&mut self, rows: &[(KeyId, u32, Usage)]) -> UsageBatch {
        let delta = |&(key, secret, usage)| UsageDelta { key, secret, usage };
        self.number += 1;
        UsageBatch {
            node: self.node,
            number: self.number,
            at: at(0),
            rows: rows.iter().map(delta).collect(),
        }
    }

    /// Writes the next batch, of rows for the keys' first secrets.
    async fn count(&mut self, rows: &[(KeyId, Usage)]) -> Outcome {
        let batch = self.batch(rows);
        self.send(&batch).await
    }

    async fn count_secrets(&mut self, rows: &[(KeyId, u32, Usage)]) -> Outcome {
        let batch = self.batch_of_secrets(rows);
        self.send(&batch).await
    }

    async fn send(&self, batch: &UsageBatch) -> Outcome {
        Ok(self.driver.store.add_usage(batch).await?)
    }
}

/// Fails unless the keys have these counters.
async fn counted(driver: &Driver, what: &str, expected: &[(KeyId, KeyUsage)]) -> Outcome {
    let (keys, expected): (_, Vec<_>) = expected.iter().cloned().unzip();
    same(what, &driver.store.usage(keys).await?, &expected)
}

/// The counters of the key and of each of its secrets.
async fn sums(driver: &Driver, key: KeyId) -> Result<Vec<Usage>, Fault> {
    let found = driver.store.usage(vec![key]).await?;
    let Some(of_key) = found.first() else {
        return Err(Fault::new("no counters came back"));
    };
    let of_secrets = of_key.secrets.iter().map(|secret| secret.usage);
    Ok(of_secrets.chain([of_key.total]).collect())
}

/// The counters of a key whose first secret alone was used.
fn of_first(usage: Usage) -> KeyUsage {
    of_secrets(usage, &[(1, usage)])
}

fn of_secrets(total: Usage, secrets: &[(u32, Usage)]) -> KeyUsage {
    let row = |&(number, usage)| SecretUsage { number, usage };
    KeyUsage {
        total,
        secrets: secrets.iter().map(row).collect(),
    }
}

/// Two keys with one secret each, freshly created.
async fn two_keys(driver: &Driver) -> Result<(KeyId, KeyId), Fault> {
    driver.create_service(service(ORDERS, 10)).await?;
    let (a, b) = (key(ORDERS, 0)?, key(ORDERS, 1)?);
    let ids = (a.id, b.id);
    driver.create_key(a).await?;
    driver.create_key(b).await?;
    Ok(ids)
}

pub(super) async fn batches_add_up(driver: Driver) -> Outcome {
    let (a, b) = two_keys(&driver).await?;
    let (mut node, mut other) = (Counter::new(&driver), Counter::new(&driver));
    node.count(&[(a, usage(3, 2, 1, Some(50)))]).await?;
    let unused = of_first(Usage::default());
    counted(&driver, "before any use", &[(b, unused)]).await?;
    let rows = [(a, usage(10, 0, 0, Some(40))), (b, usage(0, 5, 0, None))];
    other.count(&rows).await?;
    let (of_a, of_b) = (usage(13, 2, 1, Some(50)), usage(0, 5, 0, None));
    let sums = [
        (b, of_first(of_b)),
        (a, of_first(of_a)),
        (b, of_first(of_b)),
    ];
    counted(&driver, "two nodes, asked in any order", &sums).await?;
    let rows = [(a, usage(1, 0, 0, None)), (b, usage(1, 0, 0, Some(9)))];
    node.count(&rows).await?;
    let (of_a, of_b) = (usage(14, 2, 1, Some(50)), usage(1, 5, 0, Some(9)));
    let sums = [(a, of_first(of_a)), (b, of_first(of_b))];
    counted(&driver, "a later batch", &sums).await?;
    counted(&driver, "no keys", &[]).await
}

pub(super) async fn refusals_are_counted_by_their_class(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let refused = |ended, foreign, address, permission| Usage {
        refused: Refusals {
            ended,
            foreign,
            address,
            permission,
        },
        ..Usage::default()
    };
    let mut node = Counter::new(&driver);
    for row in [refused(1, 20, 300, 4_000), refused(5, 60, 700, 8_000)] {
        node.count(&[(a, row)]).await?;
    }
    let sums = of_first(refused(6, 80, 1_000, 12_000));
    counted(&driver, "the sums", &[(a, sums)]).await
}

pub(super) async fn a_repeated_batch_counts_once(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let mut node = Counter::new(&driver);
    let first = node.batch(&[(a, usage(1, 0, 0, Some(1)))]);
    let second = node.batch(&[(a, usage(10, 0, 0, Some(2)))]);
    for again in [&first, &first, &second, &second, &first] {
        node.send(again).await?;
    }
    let sum = [(a, of_first(usage(11, 0, 0, Some(2))))];
    counted(&driver, "the sum", &sum).await?;
    // A batch without rows is acknowledged as well.
    let empty = node.batch(&[]);
    node.send(&empty).await?;
    let late = UsageBatch {
        rows: node.batch(&[(a, usage(9, 9, 9, Some(9)))]).rows,
        ..empty
    };
    node.send(&late).await?;
    counted(&driver, "the sum", &sum).await
}

pub(super) async fn usage_of_unknown_keys_is_forgotten(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let unknown = KeyId::random();
    let known = usage(2, 0, 0, Some(2));
    let rows = [(unknown, usage(1, 1, 1, Some(1))), (a, known)];
    Counter::new(&driver).count(&rows).await?;
    let expected = [(unknown, KeyUsage::default()), (a, of_first(known))];
    counted(&driver, "both", &expected).await
}

pub(super) async fn usage_moves_nothing_else(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let state = async || -> Result<_, Fault> {
        let store = &driver.store;
        let (head, audit) = (store.head().await?, store.audit_head().await?);
        Ok((head, audit, driver.load(a).await?))
    };
    let before = state().await?;
    let rows = [(a, usage(1, 1, 1, Some(1)))];
    Counter::new(&driver).count(&rows).await?;
    same("head, audit head and key", &state().await?, &before)
}

pub(super) async fn counters_never_wrap(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let mut node = Counter::new(&driver);
    for last in 1..=3 {
        let most = usage(u64::MAX, u64::MAX / 2, 1, Some(last));
        node.count(&[(a, most)]).await?;
    }
    for sum in sums(&driver, a).await? {
        // Whether a store counts to 2^63 or to 2^64 is its own affair.
        holds(
            "huge counts stay huge",
            sum.granted.min(sum.refused.ended) >= u64::MAX / 2,
        )?;
        same("small counts stay exact", &sum.throttled, &3)?;
    }
    Ok(())
}

pub(super) async fn each_secret_has_counters_until_it_goes(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10)).await?;
    let rotated = Key {
        secrets: vec![secret(1)?, secret(2)?],
        ..key(ORDERS, 0)?
    };
    let id = rotated.id;
    driver.create_key(rotated.clone()).await?;
    let mut node = Counter::new(&driver);
    let (one, two) = (usage(1, 0, 0, Some(5)), usage(20, 3, 0, Some(3)));
    // A node may still count for a secret that the record has no longer: the
    // total has it, and nobody else.
    let gone = usage(400, 0, 7, Some(4));
    let rows = [(id, 1, one), (id, 2, two), (id, 9, gone)];
    node.count_secrets(&rows).await?;
    let mut total = one;
    total.add(&two);
    total.add(&gone);
    let expected = of_secrets(total, &[(1, one), (2, two)]);
    counted(&driver, "two secrets", &[(id, expected)]).await?;

    let rotated = Key {
        secrets: vec![secret(2)?, secret(3)?],
        ..rotated
    };
    driver.update_key(rotated.clone()).await?;
    let unused = Usage::default();
    let expected = of_secrets(total, &[(2, two), (3, unused)]);
    counted(&driver, "after a rotation", &[(id, expected)]).await?;

    // Numbers are never used again, and what comes late counts for none.
    node.count(&[(id, one)]).await?;
    total.add(&one);
    let back = Key {
        secrets: vec![secret(1)?, secret(2)?],
        version: 2,
        ..rotated
    };
    driver.update_key(back).await?;
    let expected = of_secrets(total, &[(1, unused), (2, two)]);
    counted(&driver, "what was forgotten stays so", &[(id, expected)]).await
}

pub(super) async fn the_last_address_is_that_of_the_last_use(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let mut node = Counter::new(&driver);
    let used = |last: i64, address| Usage {
        last_address: address,
        ..usage(1, 0, 0, Some(last))
    };
    let (private, public) = (Some(AddressClass::Private), Some(AddressClass::Public));
    let loopback = Some(AddressClass::Loopback);
    for (row, (last, address)) in [
        (used(10, private), (10, private)),
        (used(9, public), (10, private)),
        (usage(0, 1, 0, None), (10, private)),
        (used(11, None), (11, None)),
        (used(12, loopback), (12, loopback)),
    ] {
        node.count(&[(a, row)]).await?;
        for sum in sums(&driver, a).await? {
            let last_use = (sum.last_used_at, sum.last_address);
            same("the last use", &last_use, &(Some(at(last)), address))?;
        }
    }
    Ok(())
}

pub(super) async fn the_most_used_keys_come_first(driver: Driver) -> Outcome {
    let (a, b) = two_keys(&driver).await?;
    let (c, idle) = (key(ORDERS, 2)?, key(ORDERS, 3)?);
    driver.create_key(c.clone()).await?;
    driver.create_key(idle.clone()).await?;
    let (c, idle) = (c.id, idle.id);
    let most_used = async |what: &str, limit: u32, expected: Vec<KeyId>| -> Outcome {
        same(what, &driver.store.most_used(limit).await?, &expected)
    };
    most_used("before any use", 10, Vec::new()).await?;
    let mut node = Counter::new(&driver);
    let rows = [
        (a, usage(5, 0, 0, Some(3))),
        (b, usage(500, 0, 0, Some(2))),
        (c, usage(50, 0, 0, Some(1))),
        (idle, usage(0, 9_000, 9_000, None)),
    ];
    node.count(&rows).await?;
    most_used("all that were used", 10, vec![b, c, a]).await?;
    node.count(&[(a, usage(1_000, 0, 0, Some(4)))]).await?;
    most_used("after more use", 10, vec![a, b, c]).await?;
    let one = driver.store.most_used(1).await?;
    same("one at most", &one.len(), &1)?;
    most_used("none", 0, Vec::new()).await
}
