use super::broken::{Fault, Outcome, same};
use super::driver::{Driver, ORDERS, at, key, service};
use crate::key::KeyId;
use crate::usage::{NodeId, Usage, UsageBatch, UsageDelta};

fn usage(granted: u64, refused: u64, throttled: u64, last: Option<i64>) -> Usage {
    Usage {
        granted,
        refused,
        throttled,
        last_used_at: last.map(at),
    }
}

fn batch(node: NodeId, number: u64, rows: &[(KeyId, Usage)]) -> UsageBatch {
    let rows = rows
        .iter()
        .map(|(key, usage)| UsageDelta {
            key: *key,
            usage: *usage,
        })
        .collect();
    UsageBatch {
        node,
        number,
        at: at(0),
        rows,
    }
}

/// Two keys, freshly created.
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
    store
        .add_usage(&batch(node, 1, &[(a, usage(3, 2, 1, Some(50)))]))
        .await?;
    same(
        "before any use",
        &store.usage(vec![b]).await?,
        &vec![Usage::default()],
    )?;
    store
        .add_usage(&batch(
            other,
            1,
            &[(a, usage(10, 0, 0, Some(40))), (b, usage(0, 5, 0, None))],
        ))
        .await?;
    let sums = vec![
        usage(0, 5, 0, None),
        usage(13, 2, 1, Some(50)),
        usage(0, 5, 0, None),
    ];
    same(
        "two nodes, asked in any order",
        &store.usage(vec![b, a, b]).await?,
        &sums,
    )?;
    store
        .add_usage(&batch(
            node,
            2,
            &[(a, usage(1, 0, 0, None)), (b, usage(1, 0, 0, Some(9)))],
        ))
        .await?;
    let sums = vec![usage(14, 2, 1, Some(50)), usage(1, 5, 0, Some(9))];
    same("a later batch", &store.usage(vec![a, b]).await?, &sums)?;
    same("no keys", &store.usage(Vec::new()).await?, &Vec::new())
}

pub(super) async fn a_repeated_batch_counts_once(driver: Driver) -> Outcome {
    let (a, _) = two_keys(&driver).await?;
    let node = NodeId::random();
    let first = batch(node, 1, &[(a, usage(1, 0, 0, Some(1)))]);
    let second = batch(node, 2, &[(a, usage(10, 0, 0, Some(2)))]);
    for again in [&first, &first, &second, &second, &first] {
        driver.store.add_usage(again).await?;
    }
    same(
        "the sum",
        &driver.store.usage(vec![a]).await?,
        &vec![usage(11, 0, 0, Some(2))],
    )?;
    // A batch without rows is acknowledged as well.
    driver.store.add_usage(&batch(node, 3, &[])).await?;
    driver
        .store
        .add_usage(&batch(node, 3, &[(a, usage(9, 9, 9, Some(9)))]))
        .await?;
    same(
        "the sum",
        &driver.store.usage(vec![a]).await?,
        &vec![usage(11, 0, 0, Some(2))],
    )
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
    same(
        "both",
        &found,
        &vec![Usage::default(), usage(2, 0, 0, Some(2))],
    )
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
    let Some(sum) = found.first() else {
        return Err(Fault::new("no counters came back"));
    };
    // Whether a store counts to 2^63 or to 2^64 is its own affair.
    same(
        "huge counts stay huge",
        &(sum.granted.min(sum.refused) >= u64::MAX / 2),
        &true,
    )?;
    same("small counts stay exact", &sum.throttled, &3)
}
