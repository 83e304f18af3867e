use super::broken::{Fault, Outcome, holds, same};
use super::driver::{Driver, ORDERS, at, key, service};
use crate::audit::ChainCheck;
use crate::keyring::RootName;
use crate::store::{Operation, StoreErrorKind, StoredEvent};

pub(super) async fn the_chain_is_whole_under_parallel_commits(driver: Driver) -> Outcome {
    const CREATIONS: i64 = 100;
    const QUOTA: u32 = 60;
    driver.create_service(service(ORDERS, QUOTA)).await?;
    // Some fail, and must leave no gap.
    let creations = (0..CREATIONS)
        .map(|n| {
            Ok(Operation::CreateKey {
                key: key(ORDERS, n)?,
                now: at(0),
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    for outcome in driver.all_at_once(creations).await? {
        if let Err(error) = outcome {
            same(
                "a failure's kind",
                &error.kind(),
                &StoreErrorKind::QuotaReached,
            )?;
        }
    }
    let events = driver.store.events(0, 1_000).await?;
    same("events", &events.len(), &61)?;
    let mut check = ChainCheck::new(&driver.keyring);
    for event in &events {
        check.check(event).map_err(Fault::new)?;
    }
    check
        .finish(&driver.store.audit_head().await?)
        .map_err(Fault::new)?;
    let root: RootName = "k1".parse()?;
    holds(
        "each names its root",
        events.iter().all(|event| event.root == root),
    )
}

pub(super) async fn events_come_in_order_and_in_portions(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let mut texts = vec!["create service orders".to_owned()];
    for n in 0..9 {
        let key = key(ORDERS, n)?;
        texts.push(format!("create key {}", key.id));
        driver.create_key(key).await?;
    }
    let mut found: Vec<StoredEvent> = Vec::new();
    loop {
        let after = found.last().map_or(0, |event| event.sequence);
        let portion = driver.store.events(after, 3).await?;
        holds("a portion holds no more than its limit", portion.len() <= 3)?;
        if portion.is_empty() {
            break;
        }
        found.extend(portion);
        holds("the trail ends", found.len() <= texts.len())?;
    }
    let sequences: Vec<u64> = found.iter().map(|event| event.sequence).collect();
    same("sequences", &sequences, &(1..=10).collect())?;
    let bytes: Vec<Vec<u8>> = found.into_iter().map(|event| event.bytes).collect();
    let texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    same("the events' bytes", &bytes, &texts)?;
    same(
        "events after the last",
        &driver.store.events(u64::MAX, 10).await?,
        &Vec::new(),
    )
}
