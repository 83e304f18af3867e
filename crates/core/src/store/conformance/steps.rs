use super::broken::{Fault, Outcome, holds, refused, same};
use super::changes;
use super::driver::{Driver, EMPTY};
use super::samples::{ORDERS, at, key, revoked, root, secret, service};
use super::whole::Whole;
use crate::key::{Key, KeyFilter};
use crate::service::Service;
use crate::store::{AuditHead, Change, Head, Operation, Revision, StoreErrorKind};
use crate::usage::{NodeId, Usage, UsageBatch, UsageDelta};

fn create(key: &Key) -> Operation {
    Operation::CreateKey {
        key: key.clone(),
        now: at(0),
    }
}

/// The update that follows the key's present version.
fn update(key: &Key) -> Operation {
    let expected = key.version;
    Operation::UpdateKey {
        key: Key {
            version: expected.saturating_add(1),
            ..key.clone()
        },
        expected,
        now: at(0),
    }
}

/// The events' texts, in order.
async fn texts(driver: &Driver) -> Result<Vec<String>, Fault> {
    let events = driver.events(0, 10_000).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(events.iter().map(|event| text(&event.bytes)).collect())
}

pub(super) async fn several_steps_are_one_revision(driver: Driver) -> Outcome {
    let start = driver.store.head().await?;
    let (first, second) = (key(ORDERS, 0)?, key(ORDERS, 1)?);
    let change = driver.steps(vec![
        Operation::CreateService(service(ORDERS, 10)),
        create(&first),
        Operation::Record,
        create(&second),
        update(&first),
    ]);
    let head = driver.store.commit(change).await?;
    same("the revision", &head.revision, &Revision::new(1))?;
    same("the store's head", &driver.store.head().await?, &head)?;
    changes::expect(&driver, start, &[first.id, second.id], true).await?;
    let expected = vec![
        format!("create service {ORDERS}"),
        format!("create key {}", first.id),
        "record".to_owned(),
        format!("create key {}", second.id),
        format!("update key {}", first.id),
    ];
    same("the events", &texts(&driver).await?, &expected)?;
    driver.check_chain(EMPTY).await?;
    same("the updated key", &driver.key(first.id).await?.version, &2)?;
    same("the other key", &driver.key(second.id).await?, &second)
}

pub(super) async fn a_later_step_sees_the_earlier_ones(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 2)).await?;
    let keys = [key(ORDERS, 0)?, key(ORDERS, 1)?, key(ORDERS, 2)?];
    let [first, second, third] = &keys;
    let surplus = driver.steps(keys.iter().map(create).collect());
    let surplus = driver.store.commit(surplus).await;
    refused(
        "three keys at a quota of two",
        surplus,
        StoreErrorKind::QuotaReached,
    )?;
    let later = Key {
        version: 2,
        ..revoked(first.clone())?
    };
    let change = driver.steps(vec![
        create(first),
        update(first),
        update(&later),
        create(second),
        create(third),
    ]);
    driver.store.commit(change).await?;
    same("the first key", &driver.key(first.id).await?.version, &3)?;
    let twice = driver.steps(vec![update(second), update(second)]);
    let twice = driver.store.commit(twice).await;
    refused(
        "two updates of one version",
        twice,
        StoreErrorKind::Conflict,
    )?;
    same("the second key", &driver.key(second.id).await?, second)
}

pub(super) async fn a_failing_step_undoes_all_before_it(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 3)).await?;
    let rotated = Key {
        secrets: vec![secret(1)?, secret(2)?],
        ..key(ORDERS, 0)?
    };
    driver.create_key(rotated.clone()).await?;
    driver
        .store
        .remember_roots(vec![root("k1", 1)?, root("old", 2)?])
        .await?;
    driver.store.add_usage(&uses(&rotated)).await?;
    let place = driver.store.audit_head().await?;
    let before = Whole::read(&driver).await?;

    let anchor = driver.anchor(place, at(9));
    let forged = driver.anchor(
        AuditHead {
            mac: [7; 32],
            ..place
        },
        at(9),
    );
    let orphan = key("none".parse()?, 0)?;
    let in_use = Operation::RetireRoot {
        name: "k1".parse()?,
        now: at(0),
    };
    for (what, last, kind) in [
        (
            "a taken id",
            create(&rotated),
            StoreErrorKind::AlreadyExists,
        ),
        (
            "a taken name",
            Operation::CreateService(service(ORDERS, 1)),
            StoreErrorKind::AlreadyExists,
        ),
        ("no service", create(&orphan), StoreErrorKind::NotFound),
        (
            "a stale version",
            update(&rotated),
            StoreErrorKind::Conflict,
        ),
        ("a root in use", in_use, StoreErrorKind::InUse),
        (
            "a forged anchor",
            Operation::PruneAudit(forged),
            StoreErrorKind::Conflict,
        ),
    ] {
        // The update leaves the first secret out, and with it its counters.
        let without = Key {
            secrets: vec![secret(2)?, secret(3)?],
            ..rotated.clone()
        };
        let steps = driver.steps(vec![
            Operation::CreateService(service("young".parse()?, 5)),
            create(&key("young".parse()?, 3)?),
            create(&key(ORDERS, 4)?),
            update(&without),
            Operation::UpdateService {
                service: Service {
                    quota: 77,
                    version: 2,
                    ..service(ORDERS, 3)
                },
                expected: 1,
            },
            Operation::RetireRoot {
                name: "old".parse()?,
                now: at(0),
            },
            Operation::PruneAudit(anchor.clone()),
            Operation::Record,
            last,
        ]);
        refused(what, driver.store.commit(steps).await, kind)?;
        same(what, &Whole::read(&driver).await?, &before)?;
    }
    let head = driver.create_key(key(ORDERS, 5)?).await?;
    same("the next revision", &head.revision, &Revision::new(3))?;
    driver.check_chain(EMPTY).await
}

fn uses(key: &Key) -> UsageBatch {
    let usage = Usage {
        granted: 5,
        last_used_at: Some(at(5)),
        ..Usage::default()
    };
    let delta = |secret| UsageDelta {
        key: key.id,
        secret,
        usage,
    };
    UsageBatch {
        node: NodeId::random(),
        number: 1,
        at: at(0),
        rows: vec![delta(1), delta(2)],
    }
}

pub(super) async fn a_record_touches_nothing_but_the_trail(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 3)).await?;
    driver.create_key(key(ORDERS, 0)?).await?;
    let before = Whole::read(&driver).await?;
    let head = driver.commit(Operation::Record).await?;
    same("the revision", &head.revision, &Revision::new(3))?;
    changes::expect(&driver, before.head, &[], false).await?;
    let after = Whole::read(&driver).await?;
    same("the events", &after.events.len(), &3)?;
    driver.check_chain(EMPTY).await?;
    let rest = Whole {
        head: before.head,
        audit: before.audit,
        events: before.events.clone(),
        ..after
    };
    same("everything else", &rest, &before)
}

pub(super) async fn a_change_has_at_least_one_step_and_a_bound(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 10_000)).await?;
    let before = Whole::read(&driver).await?;
    let of = |count: usize| -> Result<Change, Fault> {
        let keys: Result<Vec<_>, _> = (0..count).map(|_| key(ORDERS, 0)).collect();
        Ok(driver.steps(keys?.iter().map(create).collect()))
    };
    for count in [0, Change::MAX_STEPS + 1] {
        let outcome = driver.store.commit(of(count)?).await;
        refused(&format!("{count} steps"), outcome, StoreErrorKind::Invalid)?;
    }
    same("the store", &Whole::read(&driver).await?, &before)?;
    let head = driver.store.commit(of(Change::MAX_STEPS)?).await?;
    same("the revision", &head.revision, &Revision::new(2))?;
    let sequence = driver.store.audit_head().await?.sequence;
    same("the events", &sequence, &1_001)?;
    let keys = driver.list(&KeyFilter::default(), 1_000, at(0)).await?;
    same("the keys", &keys.len(), &Change::MAX_STEPS)
}

pub(super) async fn parallel_changes_of_several_steps_do_not_mix(driver: Driver) -> Outcome {
    const EACH: usize = 10;
    driver.create_service(service(ORDERS, 55)).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let keys: Result<Vec<_>, _> = (0..EACH).map(|_| key(ORDERS, 0)).collect();
        let change = driver.steps(keys?.iter().map(create).collect());
        let driver = driver.clone();
        tasks.spawn(async move { driver.commit_patiently(change).await });
    }
    let mut heads: Vec<Head> = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        match outcome.map_err(|error| Fault::new(format!("panicked: {error}")))? {
            Ok(head) => heads.push(head),
            other => refused("the others", other, StoreErrorKind::QuotaReached)?,
        }
    }
    same("changes that fit", &heads.len(), &5)?;
    let keys = driver.list(&KeyFilter::default(), 1_000, at(0)).await?;
    same("the keys", &keys.len(), &50)?;
    let head = driver.store.head().await?;
    same("the revision", &head.revision, &Revision::new(6))?;
    holds("the last change made the head", heads.contains(&head))?;
    let events = driver.events(0, 1_000).await?;
    same("the events", &events.len(), &51)?;
    driver.check_chain(EMPTY).await
}
