use super::broken::{Outcome, holds, refused, same};
use super::driver::Driver;
use super::samples::{
    ORDERS, at, bare_key, full_key, full_service, key, retired, revoked, service,
};
use crate::key::{Key, KeyFilter, KeyId};
use crate::service::ServiceName;
use crate::store::{AuditHead, Operation, Revision, StoreErrorKind};

pub(super) async fn a_fresh_store_is_empty(driver: Driver) -> Outcome {
    let head = driver.store.head().await?;
    same("the revision", &head.revision, &Revision::default())?;
    let services = driver.store.load_services().await?;
    same("the services", &services.services, &Vec::new())?;
    let loaded = driver.load(KeyId::random()).await?;
    same("an unknown key", &loaded.key, &None)?;
    same("its head", &loaded.head, &head)?;
    same("the services' head", &services.head, &head)?;
    let audit = driver.store.audit_head().await?;
    same(
        "the audit head",
        &audit,
        &AuditHead {
            sequence: 0,
            mac: [0; 32],
        },
    )?;
    same(
        "the roots",
        &driver.store.remember_roots(Vec::new()).await?,
        &Vec::new(),
    )
}

pub(super) async fn records_read_back_as_they_were_written(driver: Driver) -> Outcome {
    let full = full_service()?;
    let plain = service(ORDERS, 100);
    driver.create_service(plain.clone()).await?;
    driver.create_service(full.clone()).await?;
    let gone = retired(service("zebra".parse()?, 1))?;
    driver.create_service(gone.clone()).await?;
    let loaded = driver.store.load_services().await?;
    let expected = vec![full, plain, gone];
    same("services, by name", &loaded.services, &expected)?;
    for written in [full_key()?, revoked(full_key()?)?, bare_key()?] {
        driver.create_key(written.clone()).await?;
        same("a key", &driver.key(written.id).await?, &written)?;
        let page = driver.list(&KeyFilter::default(), 1_000, at(0)).await?;
        holds(
            "a page shows the key as it was written",
            page.contains(&written),
        )?;
    }
    Ok(())
}

pub(super) async fn an_update_replaces_the_whole_record(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10)).await?;
    let full = full_key()?;
    let bare = Key {
        id: full.id,
        created_at: full.created_at,
        ..bare_key()?
    };
    driver
        .create_key(Key {
            version: 1,
            ..full.clone()
        })
        .await?;
    let mut version = 1;
    for next in [bare.clone(), full.clone(), revoked(bare)?] {
        let next = Key {
            version: version + 2,
            ..next
        };
        let update = Operation::UpdateKey {
            key: next.clone(),
            expected: version,
            now: at(0),
        };
        driver.commit(update).await?;
        version = next.version;
        same(
            "the key after an update",
            &driver.key(full.id).await?,
            &next,
        )?;
    }
    Ok(())
}

pub(super) async fn names_and_ids_are_taken_once(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10)).await?;
    let again = driver.create_service(service(ORDERS, 20)).await;
    refused(
        "a second service of the name",
        again,
        StoreErrorKind::AlreadyExists,
    )?;
    let first = key(ORDERS, 0)?;
    driver.create_key(first.clone()).await?;
    let other = Key {
        owner: "somebody else".parse()?,
        ..first.clone()
    };
    let again = driver.create_key(other).await;
    refused(
        "a second key of the id",
        again,
        StoreErrorKind::AlreadyExists,
    )?;
    same("the first key", &driver.key(first.id).await?, &first)?;
    let services = driver.store.load_services().await?.services;
    same("the first service", &services, &vec![service(ORDERS, 10)])
}

pub(super) async fn what_does_not_exist_is_not_found(driver: Driver) -> Outcome {
    let created = driver.create_key(key(ORDERS, 0)?).await;
    refused("a key of no service", created, StoreErrorKind::NotFound)?;
    driver.create_service(service(ORDERS, 10)).await?;
    let updated = driver.update_key(key(ORDERS, 0)?).await;
    refused("an update of no key", updated, StoreErrorKind::NotFound)?;
    let filter = KeyFilter {
        service: Some("none".parse()?),
        ..KeyFilter::default()
    };
    let page = driver.list(&filter, 10, at(0)).await?;
    same("the page of no service", &page, &Vec::new())
}

pub(super) async fn an_update_needs_the_version_it_replaces(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10)).await?;
    let first = key(ORDERS, 0)?;
    driver.create_key(first.clone()).await?;
    driver.update_key(first.clone()).await?;
    let late = driver.update_key(first.clone()).await;
    refused(
        "an update of version 1 at version 2",
        late,
        StoreErrorKind::Conflict,
    )?;
    let early = Operation::UpdateKey {
        key: Key {
            version: 9,
            ..first.clone()
        },
        expected: 8,
        now: at(0),
    };
    let early = driver.commit(early).await;
    refused(
        "an update of version 8 at version 2",
        early,
        StoreErrorKind::Conflict,
    )?;
    let same_version = Operation::UpdateKey {
        key: Key {
            version: 2,
            ..first.clone()
        },
        expected: 2,
        now: at(0),
    };
    let stuck = driver.commit(same_version).await;
    refused(
        "an update that keeps the version",
        stuck,
        StoreErrorKind::Conflict,
    )?;
    same("the version", &driver.key(first.id).await?.version, &2)
}

pub(super) async fn of_parallel_updates_one_wins(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10)).await?;
    let first = key(ORDERS, 0)?;
    driver.create_key(first.clone()).await?;
    let update = Operation::UpdateKey {
        key: Key {
            version: 2,
            ..first
        },
        expected: 1,
        now: at(0),
    };
    let outcomes = driver.all_at_once(vec![update; 50]).await?;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    same("updates that won", &won, &1)?;
    for lost in outcomes.into_iter().filter(Result::is_err) {
        refused("the others", lost, StoreErrorKind::Conflict)?;
    }
    Ok(())
}

pub(super) async fn a_key_stays_with_its_service(driver: Driver) -> Outcome {
    let other: ServiceName = "other".parse()?;
    driver.create_service(service(ORDERS, 10)).await?;
    driver.create_service(service(other.clone(), 10)).await?;
    let first = key(ORDERS, 5)?;
    driver.create_key(first.clone()).await?;
    let moved = driver
        .update_key(Key {
            service: other,
            ..first.clone()
        })
        .await;
    refused(
        "a key moved to another service",
        moved,
        StoreErrorKind::Conflict,
    )?;
    let older = driver
        .update_key(Key {
            created_at: at(0),
            ..first.clone()
        })
        .await;
    refused(
        "a key created at another time",
        older,
        StoreErrorKind::Conflict,
    )?;
    same("the key", &driver.key(first.id).await?, &first)
}
