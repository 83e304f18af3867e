use std::collections::HashSet;

use super::broken::{Fault, Outcome, holds, same};
use super::driver::Driver;
use super::samples::{ORDERS, at, key, service};
use crate::key::{Key, KeyId};
use crate::store::{Changes, Head, Operation, Revision};

pub(super) async fn changes_name_what_changed(driver: Driver) -> Outcome {
    let start = driver.store.head().await?;
    expect(&driver, start, &[], false).await?;
    driver.create_service(service(ORDERS, 10)).await?;
    let with_service = driver.store.head().await?;
    expect(&driver, start, &[], true).await?;
    expect(&driver, with_service, &[], false).await?;

    let (first, second) = (key(ORDERS, 0)?, key(ORDERS, 1)?);
    driver.create_key(first.clone()).await?;
    let with_first = driver.store.head().await?;
    driver.create_key(second.clone()).await?;
    driver.update_key(first.clone()).await?;
    driver
        .update_key(Key {
            version: 2,
            ..first.clone()
        })
        .await?;
    expect(&driver, start, &[first.id, second.id], true).await?;
    expect(&driver, with_service, &[first.id, second.id], false).await?;
    expect(&driver, with_first, &[first.id, second.id], false).await?;
    expect(&driver, driver.store.head().await?, &[], false).await
}

/// Fails unless exactly this has changed since.
pub(super) async fn expect(
    driver: &Driver,
    since: Head,
    keys: &[KeyId],
    services: bool,
) -> Outcome {
    let head = driver.store.head().await?;
    match driver.store.changes(since).await? {
        Changes::Some {
            head: now,
            keys: found,
            services: touched,
        } => {
            same("the head", &now, &head)?;
            let found: HashSet<_> = found.into_iter().collect();
            same("the changed keys", &found, &keys.iter().copied().collect())?;
            same("whether services changed", &touched, &services)
        }
        other => Err(Fault::new(format!(
            "found {other:?}, expected the changed keys"
        ))),
    }
}

pub(super) async fn too_many_changed_keys_are_all(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 1_000_000)).await?;
    let start = driver.store.head().await?;
    let first = key(ORDERS, 0)?;
    driver.create_key(first.clone()).await?;
    let mut left = Changes::MAX_KEYS - 1;
    while left > 0 {
        let portion = left.min(256);
        create_many(&driver, portion).await?;
        left -= portion;
    }
    match driver.store.changes(start).await? {
        Changes::Some {
            keys,
            services: false,
            ..
        } => {
            let distinct = keys.iter().collect::<HashSet<_>>().len();
            same("different keys in an answer", &distinct, &Changes::MAX_KEYS)?;
            holds(
                "an answer has no more than its most",
                keys.len() <= Changes::MAX_KEYS,
            )?;
        }
        other => {
            let found = format!("{other:?}").chars().take(80).collect::<String>();
            return Err(Fault::new(format!("found {found}, expected 4,096 keys")));
        }
    }
    // A key that changes again is no further key.
    driver.update_key(first).await?;
    let again = driver.store.changes(start).await?;
    holds("a key counts once", matches!(again, Changes::Some { .. }))?;
    create_many(&driver, 1).await?;
    let head = driver.store.head().await?;
    same(
        "4,097 keys",
        &driver.store.changes(start).await?,
        &Changes::All { head },
    )
}

async fn create_many(driver: &Driver, count: usize) -> Outcome {
    let creations = (0..count)
        .map(|_| {
            Ok(Operation::CreateKey {
                key: key(ORDERS, 1)?,
                now: at(0),
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    for outcome in driver.all_at_once(creations).await? {
        outcome?;
    }
    Ok(())
}

pub(super) async fn another_history_is_diverged(driver: Driver) -> Outcome {
    let start = driver.store.head().await?;
    driver.create_service(service(ORDERS, 10)).await?;
    let middle = driver.store.head().await?;
    driver.create_key(key(ORDERS, 0)?).await?;
    let head = driver.store.head().await?;
    let beyond = Head {
        revision: Revision::new(head.revision.count() + 1),
        tag: head.tag,
    };
    let far = Head {
        revision: Revision::new(u64::MAX),
        tag: 0,
    };
    let strangers = [
        (
            "another tag at the head",
            Head {
                tag: head.tag ^ 1,
                ..head
            },
        ),
        (
            "another tag in the past",
            Head {
                tag: middle.tag ^ 1,
                ..middle
            },
        ),
        (
            "another tag at the start",
            Head {
                tag: !start.tag,
                ..start
            },
        ),
        ("a revision beyond the head", beyond),
        ("the greatest revision", far),
    ];
    for (what, since) in strangers {
        same(
            what,
            &driver.store.changes(since).await?,
            &Changes::Diverged { head },
        )?;
    }
    Ok(())
}
