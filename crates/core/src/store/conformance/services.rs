use std::time::Duration;

use super::broken::{Outcome, refused, same};
use super::changes;
use super::driver::Driver;
use super::samples::{ORDERS, at, full_service, key, retired, revoked, service};
use crate::key::Key;
use crate::service::Service;
use crate::store::{Operation, StoreErrorKind};

pub(super) async fn a_service_update_replaces_the_whole_record(driver: Driver) -> Outcome {
    let full = full_service()?;
    let bare = Service {
        name: full.name.clone(),
        ..service(ORDERS, 1)
    };
    let other = service(ORDERS, 7);
    driver.create_service(other.clone()).await?;
    driver.create_service(bare.clone()).await?;
    let mut version = 1;
    for next in [full.clone(), bare, retired(full)?] {
        let next = Service {
            version: version + 2,
            ..next
        };
        let before = driver.store.head().await?;
        let update = Operation::UpdateService {
            service: next.clone(),
            expected: version,
        };
        driver.commit(update).await?;
        version = next.version;
        changes::expect(&driver, before, &[], true).await?;
        let found = driver.store.load_services().await?.services;
        same("the services", &found, &vec![next, other.clone()])?;
    }
    Ok(())
}

pub(super) async fn a_service_update_needs_the_version_it_replaces(driver: Driver) -> Outcome {
    let missing = driver.update_service(service(ORDERS, 1)).await;
    refused("an update of no service", missing, StoreErrorKind::NotFound)?;
    let first = service(ORDERS, 1);
    driver.create_service(first.clone()).await?;
    let second = Service {
        quota: 2,
        ..first.clone()
    };
    driver.update_service(second.clone()).await?;
    let update = |version, expected, created| Operation::UpdateService {
        service: Service {
            quota: 3,
            created_at: at(created),
            version,
            ..first.clone()
        },
        expected,
    };
    for (what, stale) in [
        ("an update of version 1 at version 2", update(2, 1, 0)),
        ("an update of version 8 at version 2", update(9, 8, 0)),
        ("an update that keeps the version", update(2, 2, 0)),
        ("another time of creation", update(3, 2, 1)),
    ] {
        refused(what, driver.commit(stale).await, StoreErrorKind::Conflict)?;
    }
    let expected = Service {
        version: 2,
        ..second
    };
    let found = driver.store.load_services().await?.services;
    same("the service", &found, &vec![expected])
}

pub(super) async fn of_parallel_service_updates_one_wins(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 1)).await?;
    let update = Operation::UpdateService {
        service: Service {
            default_lifetime: Some(Duration::from_secs(60)),
            version: 2,
            ..service(ORDERS, 1)
        },
        expected: 1,
    };
    let outcomes = driver.all_at_once(vec![update; 50]).await?;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    same("updates that won", &won, &1)?;
    for lost in outcomes.into_iter().filter(Result::is_err) {
        refused("the others", lost, StoreErrorKind::Conflict)?;
    }
    Ok(())
}

pub(super) async fn a_retired_service_issues_nothing(driver: Driver) -> Outcome {
    let other = service("other".parse()?, 10);
    driver.create_service(service(ORDERS, 2)).await?;
    driver.create_service(other.clone()).await?;
    let first = key(ORDERS, 0)?;
    driver.create_key(first.clone()).await?;
    driver.update_service(retired(service(ORDERS, 2))?).await?;
    let late = driver.create_key(key(ORDERS, 1)?).await;
    refused("a key of a retired service", late, StoreErrorKind::Retired)?;
    driver.create_key(key(other.name, 1)?).await?;
    // What was issued stays, and can be changed: revoked, for example.
    driver.update_key(revoked(first.clone())?).await?;
    let expected = Key {
        version: 2,
        ..revoked(first)?
    };
    same("its key", &driver.key(expected.id).await?, &expected)
}

pub(super) async fn a_changed_quota_holds_from_then_on(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 3)).await?;
    let keys = [key(ORDERS, 0)?, key(ORDERS, 1)?, key(ORDERS, 2)?];
    for key in &keys {
        driver.create_key(key.clone()).await?;
    }
    let lower = Service {
        quota: 2,
        ..service(ORDERS, 3)
    };
    driver.update_service(lower.clone()).await?;
    let [first, second, _] = keys;
    let full = StoreErrorKind::QuotaReached;
    let beyond = driver.create_key(key(ORDERS, 3)?).await;
    refused("a key over a lowered quota", beyond, full)?;
    driver.update_key(revoked(first)?).await?;
    let beyond = driver.create_key(key(ORDERS, 3)?).await;
    refused("a key at a lowered quota", beyond, full)?;
    driver.update_key(revoked(second)?).await?;
    driver.create_key(key(ORDERS, 3)?).await?;
    let higher = Service {
        quota: 4,
        version: 2,
        ..lower
    };
    driver.update_service(higher).await?;
    driver.create_key(key(ORDERS, 4)?).await?;
    driver.create_key(key(ORDERS, 5)?).await?;
    let beyond = driver.create_key(key(ORDERS, 6)?).await;
    refused("a key over a raised quota", beyond, full)
}
