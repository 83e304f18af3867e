use std::collections::HashSet;
use std::sync::Arc;

use super::broken::{Fault, Outcome, holds, refused, same};
use super::driver::Driver;
use super::samples::{ORDERS, at, key, service};
use crate::key::Key;
use crate::service::ServiceName;
use crate::store::{Changes, Operation, Revision, StoreErrorKind};

pub(super) async fn each_commit_counts_once_and_draws_a_tag(driver: Driver) -> Outcome {
    let mut tags = HashSet::from([driver.store.head().await?.tag]);
    let first = key(ORDERS, 0)?;
    let updated = Key {
        version: 2,
        ..first.clone()
    };
    let operations = [
        Operation::CreateService(service(ORDERS, 10)),
        Operation::CreateKey {
            key: first,
            now: at(0),
        },
        Operation::UpdateKey {
            key: updated,
            expected: 1,
            now: at(0),
        },
    ];
    for (operation, count) in operations.into_iter().zip(1..) {
        let head = driver.commit(operation).await?;
        same(
            "the revision returned",
            &head.revision,
            &Revision::new(count),
        )?;
        same("the store's head", &driver.store.head().await?, &head)?;
        holds("the tag was never drawn before", tags.insert(head.tag))?;
    }
    Ok(())
}

pub(super) async fn parallel_commits_get_revisions_without_gap_or_repeat(
    driver: Driver,
) -> Outcome {
    driver.create_service(service(ORDERS, 1_000)).await?;
    let creations = (0..100)
        .map(|n| {
            Ok(Operation::CreateKey {
                key: key(ORDERS, n)?,
                now: at(0),
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let mut revisions = Vec::new();
    for outcome in driver.all_at_once(creations).await? {
        let head = outcome?;
        revisions.push(head.revision.count());
        let changes = driver.store.changes(head).await?;
        let known = matches!(changes, Changes::Some { .. });
        holds("each head returned is one that the history knows", known)?;
    }
    revisions.sort_unstable();
    same("the revisions", &revisions, &(2..=101).collect())?;
    let head = driver.store.head().await?;
    same("the head's revision", &head.revision, &Revision::new(101))
}

pub(super) async fn a_loaded_key_belongs_to_its_revision(driver: Driver) -> Outcome {
    const LOADS: u64 = 200;
    const UPDATES: u64 = 100;
    driver.create_service(service(ORDERS, 10)).await?;
    let first = key(ORDERS, 0)?;
    let id = first.id;
    driver.create_key(first.clone()).await?;
    // From here on this key alone changes: revision 2 has version 1, and so on.
    // The writer goes on for as long as somebody reads, however that ends.
    let reading = Arc::new(());
    let writer = tokio::spawn({
        let (driver, reading) = (driver.clone(), Arc::downgrade(&reading));
        async move {
            let mut version = 1;
            while reading.strong_count() > 0 {
                tokio::task::yield_now().await;
                let next = Key {
                    version,
                    ..first.clone()
                };
                driver.update_key(next).await?;
                version += 1;
            }
            Ok::<(), Fault>(())
        }
    });
    let mut loads = 0;
    while !writer.is_finished() {
        // A store may answer without ever waiting: the writer needs its turn.
        tokio::task::yield_now().await;
        let loaded = driver.load(id).await?;
        let known = driver.store.changes(loaded.head).await?;
        holds(
            "the history knows the loaded head",
            matches!(known, Changes::Some { .. }),
        )?;
        let version = loaded.key.map(|key| key.version);
        let of_revision = loaded.head.revision.count().checked_sub(1);
        same("the version at the loaded revision", &version, &of_revision)?;
        loads += 1;
        if loads >= LOADS && version > Some(UPDATES) {
            break;
        }
    }
    drop(reading);
    writer
        .await
        .map_err(|error| Fault::new(format!("panicked: {error}")))?
}

pub(super) async fn loaded_services_belong_to_their_revision(driver: Driver) -> Outcome {
    const SERVICES: u64 = 100;
    let writer = tokio::spawn({
        let driver = driver.clone();
        async move {
            for n in 0..SERVICES {
                tokio::task::yield_now().await;
                let name: ServiceName = format!("s{n}").parse()?;
                driver.create_service(service(name, 1)).await?;
            }
            Ok::<(), Fault>(())
        }
    });
    loop {
        tokio::task::yield_now().await;
        let finished = writer.is_finished();
        let loaded = driver.store.load_services().await?;
        let count = u64::try_from(loaded.services.len()).unwrap_or(u64::MAX);
        same(
            "the services at the loaded revision",
            &count,
            &loaded.head.revision.count(),
        )?;
        if finished {
            break;
        }
    }
    writer
        .await
        .map_err(|error| Fault::new(format!("panicked: {error}")))?
}

pub(super) async fn a_failed_commit_leaves_nothing_behind(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 1)).await?;
    let first = key(ORDERS, 0)?;
    driver.create_key(first.clone()).await?;
    let before = (driver.store.head().await?, driver.store.audit_head().await?);
    let surplus = driver.create_key(key(ORDERS, 1)?).await;
    refused(
        "a key beyond the quota",
        surplus,
        StoreErrorKind::QuotaReached,
    )?;
    let stale = Operation::UpdateKey {
        key: Key {
            version: 6,
            ..first.clone()
        },
        expected: 5,
        now: at(0),
    };
    refused(
        "a stale update",
        driver.commit(stale).await,
        StoreErrorKind::Conflict,
    )?;
    let twice = driver.create_service(service(ORDERS, 5)).await;
    refused("a second service", twice, StoreErrorKind::AlreadyExists)?;
    let orphan = driver.create_key(key("none".parse()?, 0)?).await;
    refused("a key of no service", orphan, StoreErrorKind::NotFound)?;
    let after = (driver.store.head().await?, driver.store.audit_head().await?);
    same("head and audit head", &after, &before)?;
    same("events", &driver.events(0, 10).await?.len(), &2)?;
    let changes = driver.store.changes(before.0).await?;
    let none = Changes::Some {
        head: before.0,
        keys: Vec::new(),
        services: false,
    };
    same("changes", &changes, &none)?;
    same("the key", &driver.key(first.id).await?, &first)
}

pub(super) async fn a_commit_goes_on_without_its_caller(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10)).await?;
    let lonely = key(ORDERS, 0)?;
    let creation = Operation::CreateKey {
        key: lonely.clone(),
        now: at(0),
    };
    let mut commit = driver.store.commit(driver.change(creation));
    // One poll hands the change over; then nobody waits for it any more.
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(commit.as_mut().poll(context).is_ready())
    });
    let _ = polled.await;
    drop(commit);
    // What is committed later comes after it in the store's order.
    driver.create_key(key(ORDERS, 1)?).await?;
    same("the key", &driver.key(lonely.id).await?, &lonely)
}

pub(super) async fn a_refusal_is_no_fault_of_the_store(driver: Driver) -> Outcome {
    same("a fault of a fresh store", &driver.store.fault(), &None)?;
    driver.create_service(service(ORDERS, 1)).await?;
    driver.create_key(key(ORDERS, 0)?).await?;
    same("a fault after changes", &driver.store.fault(), &None)?;
    let surplus = driver.create_key(key(ORDERS, 1)?).await;
    refused(
        "a key beyond the quota",
        surplus,
        StoreErrorKind::QuotaReached,
    )?;
    same("a fault after a refusal", &driver.store.fault(), &None)
}
