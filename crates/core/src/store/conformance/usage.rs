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

/// A batch of rows for the keys' first secrets.
fn batch(node: NodeId, number: u64, rows: &[(KeyId, Usage)]) -> UsageBatch {
    let rows: Vec<_> = rows.iter().map(|(key, usage)| (*key, 1, *usage)).collect();
    batch_of_secrets(node, number, &rows)
}

fn batch_of_secrets(node: NodeId, number: u64, rows: &[(KeyId, u32, Usage)]) -> UsageBatch {
    let delta = |&(key, secret, usage)| UsageDelta { key, secret, usage };
    UsageBatch {
        node,
        number,
        at: at(0),
        rows: rows.iter().map(delta).collect(),
    }
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
    let (node, other) = (NodeId::random(), NodeId::random());
    let store = &driver.store;
    let rows = [(a, usage(3, 2, 1, Some(50)))];
    store.add_usage(&batch(node, 1, &rows)).await?;
    let unused = of_first(Usage::default());
    let found = store.usage(vec![b]).await?;
    same("before any use", &found, &vec![unused])?;
    let rows = [(a, usage(10, 0, 0, Some(40))), (b, usage(0, 5, 0, None))];
    store.add_usage(&batch(other, 1, &rows)).await?;
    let of_b = of_first(usage(0, 5, 0, None));
    let sums = vec![of_b.clone(), of_first(usage(13, 2, 1, Some(50))), of_b];
    let found = store.usage(vec![b, a, b]).await?;
    same("two nodes, asked in any order", &found, &sums)?;
    let rows = [(a, usage(1, 0, 0, None)), (b, usage(1, 0, 0, Some(9)))];
    store.add_usage(&batch(node, 2, &rows)).await?;
    let sums = vec![
        of_first(usage(14, 2, 1, Some(50))),
        of_first(usage(1, 5, 0, Some(9))),
    ];
    same("a later batch", &store.usage(vec![a, b]).await?, &sums)?;
    same("no keys", &store.usage(Vec::new()).await?, &Vec::new())
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
    let node = NodeId::random();
    for (number, row) in [
        (1, refused(1, 20, 300, 4_000)),
        (2, refused(5, 60, 700, 8_000)),
    ] {
        driver
            .store
            .add_usage(&batch(node, number, &[(a, row)]))
            .await?;
    }
    let found = driver.store.usage(vec![a]).await?;
    same(
        "the sums",
        &found,
        &vec![of_first(refused(6, 80, 1_000, 12_000))],
    )
}

pub(super) async fn a_repeated_batch_counts_once(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let node = NodeId::random();
    let first = batch(node, 1, &[(a, usage(1, 0, 0, Some(1)))]);
    let second = batch(node, 2, &[(a, usage(10, 0, 0, Some(2)))]);
    for again in [&first, &first, &second, &second, &first] {
        driver.store.add_usage(again).await?;
    }
    let sum = vec![of_first(usage(11, 0, 0, Some(2)))];
    same("the sum", &driver.store.usage(vec![a]).await?, &sum)?;
    // A batch without rows is acknowledged as well.
    driver.store.add_usage(&batch(node, 3, &[])).await?;
    let late = batch(node, 3, &[(a, usage(9, 9, 9, Some(9)))]);
    driver.store.add_usage(&late).await?;
    same("the sum", &driver.store.usage(vec![a]).await?, &sum)
}

pub(super) async fn usage_of_unknown_keys_is_forgotten(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let unknown = KeyId::random();
    let rows = [
        (unknown, usage(1, 1, 1, Some(1))),
        (a, usage(2, 0, 0, Some(2))),
    ];
    driver
        .store
        .add_usage(&batch(NodeId::random(), 1, &rows))
        .await?;
    let found = driver.store.usage(vec![unknown, a]).await?;
    let expected = vec![KeyUsage::default(), of_first(usage(2, 0, 0, Some(2)))];
    same("both", &found, &expected)
}

pub(super) async fn usage_moves_nothing_else(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let store = &driver.store;
    let before = (
        store.head().await?,
        store.audit_head().await?,
        driver.load(a).await?,
    );
    store
        .add_usage(&batch(NodeId::random(), 1, &[(a, usage(1, 1, 1, Some(1)))]))
        .await?;
    let after = (
        store.head().await?,
        store.audit_head().await?,
        driver.load(a).await?,
    );
    same("head, audit head and key", &after, &before)
}

pub(super) async fn counters_never_wrap(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let node = NodeId::random();
    for number in 1..=3 {
        let most = usage(u64::MAX, u64::MAX / 2, 1, Some(number));
        let number = u64::try_from(number).unwrap_or_default();
        driver
            .store
            .add_usage(&batch(node, number, &[(a, most)]))
            .await?;
    }
    let found = driver.store.usage(vec![a]).await?;
    let Some(of_key) = found.first() else {
        return Err(Fault::new("no counters came back"));
    };
    let of_secrets = of_key.secrets.iter().map(|secret| secret.usage);
    for sum in of_secrets.chain([of_key.total]) {
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
    let node = NodeId::random();
    let (one, two) = (usage(1, 0, 0, Some(5)), usage(20, 3, 0, Some(3)));
    // A node may still count for a secret that the record has no longer: the
    // total has it, and nobody else.
    let gone = usage(400, 0, 7, Some(4));
    let rows = [(id, 1, one), (id, 2, two), (id, 9, gone)];
    driver
        .store
        .add_usage(&batch_of_secrets(node, 1, &rows))
        .await?;
    let mut total = one;
    total.add(&two);
    total.add(&gone);
    let found = driver.store.usage(vec![id]).await?;
    same(
        "two secrets",
        &found,
        &vec![of_secrets(total, &[(1, one), (2, two)])],
    )?;

    let rotated = Key {
        secrets: vec![secret(2)?, secret(3)?],
        ..rotated
    };
    driver.update_key(rotated.clone()).await?;
    let unused = Usage::default();
    let found = driver.store.usage(vec![id]).await?;
    let expected = of_secrets(total, &[(2, two), (3, unused)]);
    same("after a rotation", &found, &vec![expected])?;

    // Numbers are never used again, and what comes late counts for none.
    let late = batch_of_secrets(node, 2, &[(id, 1, one)]);
    driver.store.add_usage(&late).await?;
    total.add(&one);
    let back = Key {
        secrets: vec![secret(1)?, secret(2)?],
        version: 2,
        ..rotated
    };
    driver.update_key(back).await?;
    let found = driver.store.usage(vec![id]).await?;
    let expected = of_secrets(total, &[(1, unused), (2, two)]);
    same("what was forgotten stays so", &found, &vec![expected])
}

pub(super) async fn the_last_address_is_that_of_the_last_use(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let node = NodeId::random();
    let used = |last: i64, address| Usage {
        last_address: address,
        ..usage(1, 0, 0, Some(last))
    };
    let refused_only = usage(0, 1, 0, None);
    let uses = [
        (
            used(10, Some(AddressClass::Private)),
            (10, Some(AddressClass::Private)),
        ),
        (
            used(9, Some(AddressClass::Public)),
            (10, Some(AddressClass::Private)),
        ),
        (refused_only, (10, Some(AddressClass::Private))),
        (used(11, None), (11, None)),
        (
            used(12, Some(AddressClass::Loopback)),
            (12, Some(AddressClass::Loopback)),
        ),
    ];
    for ((row, (last, address)), number) in uses.into_iter().zip(1..) {
        driver
            .store
            .add_usage(&batch(node, number, &[(a, row)]))
            .await?;
        let found = driver.store.usage(vec![a]).await?;
        let Some(of_key) = found.first() else {
            return Err(Fault::new("no counters came back"));
        };
        let of_secrets = of_key.secrets.iter().map(|secret| secret.usage);
        for sum in of_secrets.chain([of_key.total]) {
            let last_use = (sum.last_used_at, sum.last_address);
            same("the last use", &last_use, &(Some(at(last)), address))?;
        }
    }
    Ok(())
}

pub(super) async fn the_most_used_keys_come_first(driver: Driver) -> Outcome {
    let (a, b) = two_keys(&driver).await?;
    let (c, unused) = (key(ORDERS, 2)?, key(ORDERS, 3)?);
    let (c, idle) = (driver.create_key(c.clone()).await.map(|_| c.id)?, unused.id);
    driver.create_key(unused).await?;
    let store = &driver.store;
    same("before any use", &store.most_used(10).await?, &Vec::new())?;
    let rows = [
        (a, usage(5, 0, 0, Some(3))),
        (b, usage(500, 0, 0, Some(2))),
        (c, usage(50, 0, 0, Some(1))),
        (idle, usage(0, 9_000, 9_000, None)),
    ];
    let node = NodeId::random();
    store.add_usage(&batch(node, 1, &rows)).await?;
    same(
        "all that were used",
        &store.most_used(10).await?,
        &vec![b, c, a],
    )?;
    let rows = [(a, usage(1_000, 0, 0, Some(4)))];
    store.add_usage(&batch(node, 2, &rows)).await?;
    same(
        "after more use",
        &store.most_used(10).await?,
        &vec![a, b, c],
    )?;
    let one = store.most_used(1).await?;
    same("one at most", &one.len(), &1)?;
    same("none", &store.most_used(0).await?, &Vec::new())
}
