use super::broken::{Fault, Outcome, refused, same};
use super::changes;
use super::driver::Driver;
use super::samples::{ORDERS, at, key, revoked, root, secret, service};
use super::whole::Whole;
use crate::key::{Digest, Key, KeyState, Secret};
use crate::store::{Operation, Redigest, Revision, RootCheck, RootUse, StoreErrorKind};

pub(super) async fn roots_are_remembered_as_first_stored(driver: Driver) -> Outcome {
    let remember = async |checks: Vec<RootCheck>| -> Result<Vec<RootCheck>, Fault> {
        let mut roots = driver.store.remember_roots(checks).await?;
        roots.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(roots)
    };
    let first = vec![root("k1", 1)?, root("k2", 2)?];
    same("the first roots", &remember(first.clone()).await?, &first)?;
    let later = remember(vec![root("k2", 9)?, root("k3", 3)?]).await?;
    let expected = vec![root("k1", 1)?, root("k2", 2)?, root("k3", 3)?];
    same("the roots with a differing one", &later, &expected)?;
    let retired = RootCheck {
        retired: true,
        ..root("k4", 4)?
    };
    let expected = [expected, vec![root("k4", 4)?]].concat();
    let fourth = remember(vec![retired]).await?;
    same(
        "a root is not retired by remembering it",
        &fourth,
        &expected,
    )?;
    let all = remember(Vec::new()).await?;
    same("the roots asked for again", &all, &expected)?;
    let mut listed = driver.store.roots().await?;
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    same("the roots merely read", &listed, &expected)?;
    let revision = driver.store.head().await?.revision;
    same("the revision", &revision, &Revision::default())
}

/// A secret whose digest and tag were made under these roots.
fn made(number: u32, digest: &str, tag: &str) -> Result<Secret, Fault> {
    Ok(Secret {
        root: digest.parse()?,
        issuer: tag.parse()?,
        ..secret(number)?
    })
}

fn ended(secret: Secret, end: i64) -> Secret {
    Secret {
        ends_at: Some(at(end)),
        ..secret
    }
}

pub(super) async fn root_use_counts_what_stands(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let of = |secrets| -> Result<Key, Fault> {
        Ok(Key {
            secrets,
            ..key(ORDERS, 0)?
        })
    };
    let rotating = of(vec![
        ended(made(1, "old", "old")?, 100),
        ended(made(2, "new", "old")?, 200),
        made(3, "new", "new")?,
    ])?;
    let gone = of(vec![made(1, "old", "old")?, made(2, "old", "new")?])?;
    let disabled = Key {
        state: KeyState::Disabled,
        ..of(vec![made(1, "old", "old")?])?
    };
    // A key that is over may be given a longer life.
    let over = Key {
        expires_at: Some(at(1)),
        ..of(vec![made(1, "new", "old")?])?
    };
    let count = async |what: &str, name: &str, now: i64, digests, tokens| -> Outcome {
        let found = driver.store.root_use(name.parse()?, at(now)).await?;
        let expected = RootUse { digests, tokens };
        same(&format!("{what}: {name} at {now}"), &found, &expected)
    };
    for key in [&rotating, &gone, &disabled, &over] {
        driver.create_key(key.clone()).await?;
    }
    count("with four keys", "old", 0, 4, 5).await?;
    driver.update_key(revoked(gone)?).await?;
    count("after a revocation", "old", 0, 2, 4).await?;
    count("after a revocation", "old", 99, 2, 4).await?;
    count("a secret is over at its end", "old", 100, 1, 3).await?;
    count("two are over", "old", 200, 1, 2).await?;
    count("another root", "new", 0, 3, 1).await?;
    count("a root that nobody used", "none", 0, 0, 0).await?;
    let rotated = Key {
        secrets: rotating.secrets.iter().skip(2).cloned().collect(),
        ..rotating
    };
    driver.update_key(rotated).await?;
    count("two are dropped", "old", 0, 1, 2).await
}

pub(super) async fn a_root_retires_once_nothing_stands_under_it(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let names = ["digests", "tokens", "idle"];
    let checks: Result<Vec<_>, _> = names.into_iter().map(|name| root(name, 5)).collect();
    driver.store.remember_roots(checks?).await?;
    let one = Key {
        secrets: vec![ended(made(1, "digests", "tokens")?, 100), secret(2)?],
        ..key(ORDERS, 0)?
    };
    driver.create_key(one.clone()).await?;
    let retire = async |name: &str, now: i64| -> Result<_, Fault> {
        let retirement = Operation::RetireRoot {
            name: name.parse()?,
            now: at(now),
        };
        Ok(driver.commit(retirement).await)
    };
    let unknown = retire("unknown", 0).await?;
    refused(
        "a root that the store never saw",
        unknown,
        StoreErrorKind::NotFound,
    )?;
    for name in ["digests", "tokens"] {
        refused(name, retire(name, 99).await?, StoreErrorKind::InUse)?;
    }
    let before = driver.store.head().await?;
    retire("idle", 0).await??;
    changes::expect(&driver, before, &[], false).await?;
    for name in ["digests", "tokens"] {
        retire(name, 100).await??;
    }
    let again = driver.store.remember_roots(vec![root("idle", 5)?]).await?;
    let standing: Vec<_> = again.iter().filter(|root| !root.retired).collect();
    same("roots that are not retired", &standing, &Vec::new())?;
    same("the roots", &again.len(), &3)?;
    same("the key", &driver.key(one.id).await?, &one)
}

pub(super) async fn nothing_is_made_under_a_retired_root(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let standing = Key {
        secrets: vec![made(1, "k2", "k2")?],
        ..key(ORDERS, 0)?
    };
    driver.create_key(standing.clone()).await?;
    // The driver's own root, under which its changes are sealed.
    driver.store.remember_roots(vec![root("k1", 1)?]).await?;
    let retirement = Operation::RetireRoot {
        name: "k1".parse()?,
        now: at(0),
    };
    driver.commit(retirement).await?;
    refused(
        "a change that is sealed under a retired root",
        driver.commit(Operation::Record).await,
        StoreErrorKind::Retired,
    )?;
    let back = redigest(&standing, 1, [9; 32], "k1")?;
    same(
        "secrets moved to a retired root",
        &driver.store.redigest(vec![back]).await?,
        &0,
    )?;
    same("the key", &driver.key(standing.id).await?, &standing)
}

pub(super) async fn an_update_keeps_the_digests_that_are_there(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let first = Key {
        secrets: vec![secret(1)?, secret(2)?],
        ..key(ORDERS, 0)?
    };
    driver.create_key(first.clone()).await?;
    let moved = redigest(&first, 1, [9; 32], "k2")?;
    same(
        "secrets moved",
        &driver.store.redigest(vec![moved]).await?,
        &1,
    )?;
    // Whoever read the key before that knows the old digest only.
    let mut next = Key {
        secrets: vec![ended(secret(1)?, 77), secret(2)?, made(3, "k3", "k3")?],
        version: 2,
        ..first
    };
    let update = Operation::UpdateKey {
        key: next.clone(),
        expected: 1,
        now: at(0),
    };
    driver.commit(update).await?;
    if let Some(secret) = next.secrets.first_mut() {
        secret.digest = Digest::from_bytes([9; 32]);
        secret.root = "k2".parse()?;
    }
    same("the key", &driver.key(next.id).await?, &next)
}

fn redigest(key: &Key, number: u32, new: [u8; 32], root: &str) -> Result<Redigest, Fault> {
    Ok(Redigest {
        key: key.id,
        secret: number,
        old: secret(number)?.digest,
        new: Digest::from_bytes(new),
        root: root.parse()?,
    })
}

pub(super) async fn digests_move_where_the_old_one_stands(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let first = Key {
        secrets: vec![secret(1)?, secret(2)?],
        ..key(ORDERS, 0)?
    };
    let second = key(ORDERS, 1)?;
    driver.create_key(first.clone()).await?;
    driver.create_key(second.clone()).await?;
    let before = Whole::read(&driver).await?;
    let stale = Redigest {
        old: Digest::from_bytes([1; 32]),
        ..redigest(&second, 1, [3; 32], "k2")?
    };
    let batch = vec![
        redigest(&first, 2, [2; 32], "k2")?,
        stale,
        redigest(&second, 7, [3; 32], "k2")?,
        redigest(&key(ORDERS, 2)?, 1, [3; 32], "k2")?,
        // What was moved in the same batch is not what it was.
        redigest(&first, 2, [4; 32], "k4")?,
    ];
    same("secrets moved", &driver.store.redigest(batch).await?, &1)?;
    same(
        "an empty batch",
        &driver.store.redigest(Vec::new()).await?,
        &0,
    )?;
    let after = Whole::read(&driver).await?;
    let mut moved = first.clone();
    if let Some(secret) = moved.secrets.last_mut() {
        secret.digest = Digest::from_bytes([2; 32]);
        secret.root = "k2".parse()?;
    }
    let expected = Whole {
        keys: vec![moved, second],
        ..before
    };
    same("all but the digest", &after, &expected)?;
    changes::expect(&driver, after.head, &[], false).await?;
    let back = Redigest {
        old: Digest::from_bytes([2; 32]),
        ..redigest(&first, 2, *secret(2)?.digest.as_bytes(), "k1")?
    };
    same("moved back", &driver.store.redigest(vec![back]).await?, &1)?;
    same("the key", &driver.key(first.id).await?, &first)
}
