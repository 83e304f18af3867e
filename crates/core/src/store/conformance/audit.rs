use super::broken::{Fault, Outcome, holds, same};
use super::driver::{Driver, EMPTY};
use super::samples::{ORDERS, at, key, service};
use crate::key::KeyId;
use crate::service::ServiceName;
use crate::store::{EventsRequest, Operation, StoreErrorKind, StoredEvent};

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
    same("events", &driver.events(0, 1_000).await?.len(), &61)?;
    driver.check_chain(EMPTY).await
}

pub(super) async fn events_come_in_order_and_in_portions(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let mut texts = vec!["create service orders".to_owned()];
    for n in 0..9 {
        let key = key(ORDERS, n)?;
        texts.push(format!("create key {}", key.id));
        driver.create_key(key).await?;
    }
    let found = read(&driver, EventsRequest::default()).await?;
    let sequences: Vec<u64> = found.iter().map(|event| event.sequence).collect();
    same("sequences", &sequences, &(1..=10).collect())?;
    let bytes: Vec<Vec<u8>> = found.into_iter().map(|event| event.bytes).collect();
    let texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    same("the events' bytes", &bytes, &texts)?;
    let beyond = driver.events(u64::MAX, 10).await?;
    same("events after the last", &beyond, &Vec::new())
}

/// Every event of the request, in portions of three.
async fn read(driver: &Driver, request: EventsRequest) -> Result<Vec<StoredEvent>, Fault> {
    let mut found: Vec<StoredEvent> = Vec::new();
    loop {
        let portion = EventsRequest {
            after: found.last().map_or(request.after, |event| event.sequence),
            limit: 3,
            ..request.clone()
        };
        let portion = driver.store.events(portion).await?;
        holds("a portion holds no more than its limit", portion.len() <= 3)?;
        if portion.is_empty() {
            return Ok(found);
        }
        found.extend(portion);
        holds("the trail ends", found.len() <= 1_000)?;
    }
}

pub(super) async fn events_are_found_by_service_and_key(driver: Driver) -> Outcome {
    let other: ServiceName = "other".parse()?;
    driver.create_service(service(ORDERS, 100)).await?; // 1
    driver.create_service(service(other.clone(), 100)).await?; // 2
    let (first, second, third) = (key(ORDERS, 0)?, key(ORDERS, 1)?, key(other.clone(), 2)?);
    for key in [&first, &second, &third] {
        driver.create_key(key.clone()).await?; // 3 to 5
    }
    driver.commit(Operation::Record).await?; // 6
    for version in 1..=4 {
        for key in [&first, &third] {
            let mut next = key.clone();
            next.version = version;
            driver.update_key(next).await?; // 7 to 14
        }
    }
    let expect = async |after: u64,
                        service: Option<&ServiceName>,
                        key: Option<KeyId>,
                        sequences: &[u64]|
           -> Outcome {
        let request = EventsRequest {
            after,
            limit: 0,
            service: service.cloned(),
            key,
        };
        let found = read(&driver, request).await?;
        let found: Vec<u64> = found.iter().map(|event| event.sequence).collect();
        let what = format!("events after {after} of {service:?} and {key:?}");
        same(&what, &found, &sequences.to_vec())
    };
    let (orders, other) = (Some(&ORDERS), Some(&other));
    expect(0, orders, None, &[1, 3, 4, 7, 9, 11, 13]).await?;
    expect(0, other, None, &[2, 5, 8, 10, 12, 14]).await?;
    expect(4, orders, None, &[7, 9, 11, 13]).await?;
    expect(0, None, Some(first.id), &[3, 7, 9, 11, 13]).await?;
    expect(9, None, Some(first.id), &[11, 13]).await?;
    expect(0, None, Some(second.id), &[4]).await?;
    expect(0, other, Some(third.id), &[5, 8, 10, 12, 14]).await?;
    expect(0, orders, Some(third.id), &[]).await?;
    expect(0, None, Some(KeyId::random()), &[]).await?;
    expect(13, orders, None, &[]).await
}
