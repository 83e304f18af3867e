use std::time::Duration;

use super::broken::{Fault, Outcome, holds, refused, same};
use super::driver::{Driver, ORDERS, at, key, revoked, secret, service};
use crate::clock::Timestamp;
use crate::key::{Environment, Key, KeyId, KeyState};
use crate::limits::Rate;
use crate::service::{Service, ServiceName};
use crate::store::{AuditHead, Operation, PageRequest, Revision, RootCheck, StoreErrorKind};

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
    let full = Service {
        default_rate: Some(Rate::new(10, Duration::from_secs(90), 20)?),
        default_lifetime: Some(Duration::from_millis(1_500)),
        prefix: Some("acme9".parse()?),
        version: 7,
        ..service("a-2".parse()?, Service::MAX_QUOTA)
    };
    let plain = service(ORDERS, 100);
    driver.create_service(plain.clone()).await?;
    driver.create_service(full.clone()).await?;
    let loaded = driver.store.load_services().await?;
    same("services, by name", &loaded.services, &vec![full, plain])?;
    for written in [full_key()?, revoked(full_key()?)?, bare_key()?] {
        driver.create_key(written.clone()).await?;
        same("a key", &driver.key(written.id).await?, &written)?;
        let page = PageRequest {
            service: ORDERS,
            after: None,
            limit: 1_001,
        };
        let page = driver.store.page(page).await?;
        holds(
            "a page shows the key as it was written",
            page.contains(&written),
        )?;
    }
    Ok(())
}

/// A key with something in every field.
fn full_key() -> Result<Key, Fault> {
    let mut secrets = [1, 2, 7, u32::MAX]
        .into_iter()
        .map(secret)
        .collect::<Result<Vec<_>, _>>()?;
    for (secret, end) in secrets.iter_mut().zip([5, 6, 7]) {
        secret.ends_at = Some(at(end));
    }
    if let Some(newest) = secrets.last_mut() {
        newest.root = "another-root-2".parse()?;
        newest.created_at = Timestamp::MAX;
    }
    Ok(Key {
        environment: Environment::Test,
        prefix: "a123456789012345".parse()?,
        owner: "Zoë's Бригада 決済 🦀".parse()?,
        name: "it's; DROP TABLE keys --\"'".parse()?,
        scopes: "* *:read a:*:c orders:* orders:read.own_x-1".parse()?,
        rate: Some("1000000/31d burst 1".parse()?),
        state: KeyState::Disabled,
        expires_at: Some(Timestamp::MAX),
        secrets,
        version: 9_000_000_000,
        ..key(ORDERS, 3)?
    })
}

/// A key with the least in every field.
fn bare_key() -> Result<Key, Fault> {
    Ok(Key {
        created_at: Timestamp::from_millis(0),
        ..key(ORDERS, 0)?
    })
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
    let page = PageRequest {
        service: "none".parse()?,
        after: None,
        limit: 10,
    };
    same(
        "the page of no service",
        &driver.store.page(page).await?,
        &Vec::new(),
    )
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

pub(super) async fn roots_are_remembered_as_first_stored(driver: Driver) -> Outcome {
    let check = |name: &str, byte| -> Result<RootCheck, Fault> {
        Ok(RootCheck {
            name: name.parse()?,
            check: [byte; 32],
        })
    };
    let by_name = |mut checks: Vec<RootCheck>| {
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        checks
    };
    let first = driver
        .store
        .remember_roots(vec![check("k1", 1)?, check("k2", 2)?])
        .await?;
    same(
        "the first roots",
        &by_name(first),
        &vec![check("k1", 1)?, check("k2", 2)?],
    )?;
    let later = driver
        .store
        .remember_roots(vec![check("k2", 9)?, check("k3", 3)?])
        .await?;
    let expected = vec![check("k1", 1)?, check("k2", 2)?, check("k3", 3)?];
    same("the roots with a differing one", &by_name(later), &expected)?;
    let all = driver.store.remember_roots(Vec::new()).await?;
    same("the roots asked for again", &by_name(all), &expected)?;
    same(
        "the revision",
        &driver.store.head().await?.revision,
        &Revision::default(),
    )
}
