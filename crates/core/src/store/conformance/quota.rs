use super::broken::{Fault, Outcome, refused, same};
use super::driver::Driver;
use super::samples::{ORDERS, at, key, revoked, service};
use crate::key::{Key, KeyState};
use crate::service::Service;
use crate::store::{Head, Operation, StoreError, StoreErrorKind};

const QUOTA: u32 = 10;

pub(super) async fn parallel_creations_never_pass_the_quota(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, QUOTA)).await?;
    let creations = (0..100)
        .map(|n| {
            Ok(Operation::CreateKey {
                key: key(ORDERS, n)?,
                now: at(0),
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let outcomes = driver.all_at_once(creations).await?;
    let created = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    same("keys created", &created, &10)?;
    for other in outcomes.into_iter().filter(Result::is_err) {
        refused("the others", other, StoreErrorKind::QuotaReached)?;
    }
    Ok(())
}

pub(super) async fn revoked_and_expired_keys_free_room(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 2)).await?;
    let create = async |key: Key, now: i64| -> Result<Head, StoreError> {
        driver
            .commit(Operation::CreateKey { key, now: at(now) })
            .await
    };
    let (first, second) = (key(ORDERS, 1)?, key(ORDERS, 2)?);
    create(first.clone(), 0).await?;
    create(
        Key {
            expires_at: Some(at(1_000)),
            ..second.clone()
        },
        0,
    )
    .await?;
    refused(
        "a third key",
        create(key(ORDERS, 3)?, 0).await,
        StoreErrorKind::QuotaReached,
    )?;

    driver
        .update_key(Key {
            state: KeyState::Disabled,
            ..first.clone()
        })
        .await?;
    let beside = create(key(ORDERS, 3)?, 0).await;
    refused(
        "a key beside a disabled one",
        beside,
        StoreErrorKind::QuotaReached,
    )?;
    driver
        .update_key(revoked(Key {
            version: 2,
            ..first
        })?)
        .await?;
    create(key(ORDERS, 4)?, 0).await?;
    let full = create(key(ORDERS, 5)?, 0).await;
    refused(
        "a key beyond the revoked one's room",
        full,
        StoreErrorKind::QuotaReached,
    )?;

    let early = create(key(ORDERS, 6)?, 999).await;
    refused(
        "a key before the other expires",
        early,
        StoreErrorKind::QuotaReached,
    )?;
    create(key(ORDERS, 7)?, 1_000).await?;
    let full = create(key(ORDERS, 8)?, 1_000).await;
    refused(
        "a key beyond the expired one's room",
        full,
        StoreErrorKind::QuotaReached,
    )?;

    // Revoking what has expired frees no second room.
    let expired = Key {
        expires_at: Some(at(1_000)),
        ..second
    };
    driver.update_key(revoked(expired)?).await?;
    let full = create(key(ORDERS, 9)?, 1_000).await;
    refused(
        "a key after an expired one was revoked",
        full,
        StoreErrorKind::QuotaReached,
    )
}

pub(super) async fn expired_keys_may_outnumber_the_quota(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 2)).await?;
    let create = async |now: i64, end: Option<i64>| -> Result<Head, Fault> {
        let key = Key {
            expires_at: end.map(at),
            ..key(ORDERS, now)?
        };
        Ok(driver
            .commit(Operation::CreateKey { key, now: at(now) })
            .await?)
    };
    for round in 0..6 {
        let (now, end) = (round * 1_000, round * 1_000 + 1_000);
        create(now, Some(end)).await?;
        create(now, Some(end)).await?;
        let third = driver.commit(Operation::CreateKey {
            key: key(ORDERS, now)?,
            now: at(now),
        });
        refused("a third key", third.await, StoreErrorKind::QuotaReached)?;
    }
    create(6_000, None).await?;
    create(6_000, Some(6_001)).await?;
    let third = driver.commit(Operation::CreateKey {
        key: key(ORDERS, 0)?,
        now: at(6_000),
    });
    refused(
        "a key beside one without an end",
        third.await,
        StoreErrorKind::QuotaReached,
    )
}

/// The record with another end of its life, written at `now`.
fn ending(key: &Key, end: Option<i64>, now: i64) -> Operation {
    Operation::UpdateKey {
        key: Key {
            expires_at: end.map(at),
            version: key.version.saturating_add(1),
            ..key.clone()
        },
        expected: key.version,
        now: at(now),
    }
}

/// A service of one key that ends at 1,000, and another one that took its place
/// then.
async fn given_away(driver: &Driver) -> Result<(Key, Key), Fault> {
    driver.create_service(service(ORDERS, 1)).await?;
    let ended = Key {
        expires_at: Some(at(1_000)),
        ..key(ORDERS, 1)?
    };
    driver.create_key(ended.clone()).await?;
    let (next, now) = (key(ORDERS, 2)?, at(1_000));
    let key = next.clone();
    driver.commit(Operation::CreateKey { key, now }).await?;
    Ok((ended, next))
}

pub(super) async fn a_longer_life_needs_room(driver: Driver) -> Outcome {
    let (ended, next) = given_away(&driver).await?;
    let full = StoreErrorKind::QuotaReached;
    for (what, end, now) in [
        ("a longer life by the same clock", Some(2_000), 1_000),
        ("a life without an end", None, 1_000),
        ("a longer life by a clock that is behind", Some(2_000), 999),
        ("no end by a clock that is behind", None, 0),
    ] {
        let longer = driver.commit(ending(&ended, end, now)).await;
        refused(what, longer, full)?;
    }
    same("the key", &driver.key(ended.id).await?, &ended)?;
    // It stays ended, and so takes no room.
    driver.commit(ending(&ended, Some(999), 1_000)).await?;
    let ended = driver.key(ended.id).await?;
    driver.update_key(revoked(next)?).await?;
    driver.commit(ending(&ended, None, 1_000)).await?;
    let beside = Operation::CreateKey {
        key: key(ORDERS, 3)?,
        now: at(1_000),
    };
    refused("a key beside it", driver.commit(beside).await, full)
}

pub(super) async fn whoever_has_room_may_keep_it(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 2)).await?;
    let first = Key {
        expires_at: Some(at(1_000)),
        ..key(ORDERS, 1)?
    };
    driver.create_key(first.clone()).await?;
    driver.create_key(key(ORDERS, 2)?).await?;
    // Full, and its own place is the key's.
    driver.commit(ending(&first, Some(2_000), 0)).await?;
    let first = driver.key(first.id).await?;
    driver.commit(ending(&first, None, 1_999)).await?;
    let first = driver.key(first.id).await?;
    let lower = Service {
        quota: 1,
        ..service(ORDERS, 2)
    };
    driver.update_service(lower).await?;
    // Too full since, and no life becomes longer by any of these.
    let disabled = Key {
        state: KeyState::Disabled,
        ..first.clone()
    };
    driver.update_key(disabled.clone()).await?;
    let enabled = Key {
        state: KeyState::Active,
        version: disabled.version.saturating_add(1),
        ..disabled
    };
    driver.update_key(enabled).await?;
    let first = driver.key(first.id).await?;
    driver.commit(ending(&first, Some(3_000), 0)).await?;
    let first = driver.key(first.id).await?;
    let longer = driver.commit(ending(&first, Some(3_001), 0)).await;
    let full = StoreErrorKind::QuotaReached;
    refused("a longer life in a service that is too full", longer, full)?;
    driver.update_key(revoked(first.clone())?).await?;
    let revoked = driver.key(first.id).await?;
    let alive = Operation::UpdateKey {
        key: Key {
            state: KeyState::Active,
            version: revoked.version.saturating_add(1),
            ..revoked.clone()
        },
        expected: revoked.version,
        now: at(0),
    };
    refused("a revoked key come alive", driver.commit(alive).await, full)
}
