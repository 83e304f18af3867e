use super::broken::{Fault, Outcome, holds, same};
use super::driver::{Driver, ORDERS, key, revoked, service};
use crate::key::{Key, KeyId};
use crate::service::ServiceName;
use crate::store::{PagePosition, PageRequest};

pub(super) async fn pages_follow_creation_and_id(driver: Driver) -> Outcome {
    let other: ServiceName = "other".parse()?;
    driver.create_service(service(ORDERS, 1_000)).await?;
    driver.create_service(service(other.clone(), 1_000)).await?;
    let mut places = Vec::new();
    // Written out of order, many in the same millisecond, between keys of
    // another service.
    for n in 0..60_i64 {
        let mine = key(ORDERS, (n * 7) % 5)?;
        places.push(place(&mine));
        driver.create_key(mine).await?;
        if n % 3 == 0 {
            driver.create_key(key(other.clone(), n)?).await?;
        }
    }
    places.sort_unstable();
    for limit in [1, 7, 60, 1_001] {
        same("the places", &walk(&driver, limit).await?, &places)?;
    }
    Ok(())
}

fn place(key: &Key) -> PagePosition {
    PagePosition {
        created_at: key.created_at,
        id: key.id,
    }
}

/// Every place of the service's listing, page by page.
async fn walk(driver: &Driver, limit: u32) -> Result<Vec<PagePosition>, Fault> {
    let (mut places, mut after) = (Vec::new(), None);
    loop {
        let page = driver
            .store
            .page(PageRequest {
                service: ORDERS,
                after,
                limit,
            })
            .await?;
        let Some(last) = page.last() else {
            return Ok(places);
        };
        after = Some(place(last));
        places.extend(page.iter().map(place));
        holds("a listing ends", places.len() <= 1_000)?;
    }
}

pub(super) async fn pages_stay_stable_while_keys_come_and_change(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let mut keys = Vec::new();
    for n in 0..6 {
        let key = key(ORDERS, n * 10)?;
        driver.create_key(key.clone()).await?;
        keys.push(key);
    }
    let first = PageRequest {
        service: ORDERS,
        after: None,
        limit: 3,
    };
    let page = driver.store.page(first).await?;
    let after = page.last().map(place);
    // A key before the position, one after it, and changes of listed ones.
    driver.create_key(key(ORDERS, 5)?).await?;
    let late = key(ORDERS, 45)?;
    driver.create_key(late.clone()).await?;
    for key in keys.iter().skip(2).take(2) {
        driver.update_key(revoked(key.clone())?).await?;
    }
    let rest = driver
        .store
        .page(PageRequest {
            service: ORDERS,
            after,
            limit: 10,
        })
        .await?;
    let found: Vec<KeyId> = rest.iter().map(|key| key.id).collect();
    let [_, _, _, fourth, fifth, sixth] = keys.as_slice() else {
        return Err(Fault::new("six keys were created"));
    };
    same(
        "the rest",
        &found,
        &vec![fourth.id, fifth.id, late.id, sixth.id],
    )
}

pub(super) async fn a_page_holds_no_more_than_its_limit(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    for n in 0..5 {
        driver.create_key(key(ORDERS, n)?).await?;
    }
    for (limit, length) in [(1, 1), (4, 4), (5, 5), (6, 5), (1_001, 5)] {
        let page = PageRequest {
            service: ORDERS,
            after: None,
            limit,
        };
        same(
            "the page's length",
            &driver.store.page(page).await?.len(),
            &length,
        )?;
    }
    let last = PagePosition {
        created_at: crate::clock::Timestamp::MAX,
        id: KeyId::from_bytes([0xff; 16]),
    };
    let beyond = PageRequest {
        service: ORDERS,
        after: Some(last),
        limit: 10,
    };
    same(
        "the page after the last key",
        &driver.store.page(beyond).await?,
        &Vec::new(),
    )
}
