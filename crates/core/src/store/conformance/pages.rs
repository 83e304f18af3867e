use super::broken::{Fault, Outcome, holds, same};
use super::driver::Driver;
use super::samples::{ORDERS, at, key, revoked, service};
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter, KeyId};
use crate::service::ServiceName;
use crate::store::PageRequest;

/// The keys of the suite's first service.
fn orders() -> KeyFilter {
    KeyFilter {
        service: Some(ORDERS),
        ..KeyFilter::default()
    }
}

pub(super) async fn plain_pages_follow_creation(driver: Driver) -> Outcome {
    let other: ServiceName = "other".parse()?;
    driver.create_service(service(ORDERS, 1_000)).await?;
    driver.create_service(service(other.clone(), 1_000)).await?;
    let (mut all, mut mine) = (Vec::new(), Vec::new());
    // Written out of order, many in the same millisecond, between keys of
    // another service.
    for n in 0..60_i64 {
        let one = key(ORDERS, (n * 7) % 5)?;
        mine.push(one.id);
        all.push(one.id);
        driver.create_key(one).await?;
        if n % 3 == 0 {
            let one = key(other.clone(), n)?;
            all.push(one.id);
            driver.create_key(one).await?;
        }
    }
    for (filter, expected) in [(orders(), mine), (KeyFilter::default(), all)] {
        let first = walk_in_order(&driver, &filter, 1_000, &expected).await?;
        for limit in [1, 7, 60] {
            let again = walk_in_order(&driver, &filter, limit, &expected).await?;
            same("the order, whatever the limit", &again, &first)?;
        }
    }
    Ok(())
}

/// Walks the listing, which must have these keys, the oldest first.
async fn walk_in_order(
    driver: &Driver,
    filter: &KeyFilter,
    limit: u32,
    expected: &[KeyId],
) -> Result<Vec<KeyId>, Fault> {
    let keys = driver.list(filter, limit, at(0)).await?;
    let times: Vec<Timestamp> = keys.iter().map(|key| key.created_at).collect();
    holds("the oldest come first", times.is_sorted())?;
    let found: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    same("the listed keys", &sorted(&found), &sorted(expected))?;
    Ok(found)
}

fn sorted(ids: &[KeyId]) -> Vec<KeyId> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

pub(super) async fn pages_stay_stable_while_keys_come_and_change(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let mut keys = Vec::new();
    for n in 0..6 {
        let key = key(ORDERS, n * 10)?;
        driver.create_key(key.clone()).await?;
        keys.push(key);
    }
    let [first, second, third, fourth, fifth, sixth] = keys.as_slice() else {
        return Err(Fault::new("six keys were created"));
    };
    let request = PageRequest {
        filter: orders(),
        after: None,
        limit: 3,
        now: at(0),
    };
    let page = driver.store.page(request.clone()).await?;
    let found: Vec<KeyId> = page.keys.iter().map(|key| key.id).collect();
    same("the page", &found, &vec![first.id, second.id, third.id])?;
    // A key before the position, one after it, and changes of listed ones.
    driver.create_key(key(ORDERS, 5)?).await?;
    let late = key(ORDERS, 45)?;
    driver.create_key(late.clone()).await?;
    for key in [third, fourth] {
        driver.update_key(revoked(key.clone())?).await?;
    }
    let rest = PageRequest {
        after: page.next,
        limit: 10,
        ..request
    };
    let rest = driver.store.page(rest).await?;
    let found: Vec<KeyId> = rest.keys.iter().map(|key| key.id).collect();
    let expected = vec![fourth.id, fifth.id, late.id, sixth.id];
    same("the rest", &found, &expected)
}

pub(super) async fn a_page_holds_no_more_than_its_limit(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    for n in 0..5 {
        driver.create_key(key(ORDERS, n)?).await?;
    }
    for (limit, length) in [(1, 1), (4, 4), (5, 5), (6, 5), (1_000, 5)] {
        let request = PageRequest {
            filter: orders(),
            after: None,
            limit,
            now: at(0),
        };
        let page = driver.store.page(request).await?;
        same("the page's length", &page.keys.len(), &length)?;
        holds(
            "more follows where the limit was reached before the end",
            page.next.is_some() || length == 5,
        )?;
    }
    let newest: Option<Key> = driver.list(&orders(), 2, at(0)).await?.pop();
    same("the last", &newest.map(|key| key.created_at), &Some(at(4)))
}
