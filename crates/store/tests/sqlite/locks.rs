use std::time::{Duration, Instant};

use portcullis_core::audit::Actor;
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{ListKeys, NewKey, NewService};
use portcullis_core::store::StoreErrorKind;
use portcullis_core::store::conformance::key;
use portcullis_core::token::Presented;
use portcullis_core::{Context, ErrorKind, KeyManager, Verdict};
use portcullis_store::SqliteStore;

use crate::support::{Folder, ORDERS, add_key, drive, fill, head, open, open_fails, raw};

#[tokio::test]
async fn a_held_lock_is_busy_in_bounded_time_and_over_once_it_is_gone() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let first = fill(&driver).await;
    let before = head(&store).await;

    let holder = raw(&path);
    holder
        .execute_batch("BEGIN EXCLUSIVE; UPDATE head SET tag = 0")
        .expect("held");
    let start = Instant::now();
    let refused = driver
        .create_key(key(ORDERS, 1).expect("a key"))
        .await
        .expect_err("held");
    assert_eq!(refused.kind(), StoreErrorKind::Busy, "{refused}");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "took {:?}",
        start.elapsed()
    );
    // Who reads waits for nobody.
    assert_eq!(
        driver.load(first.id).await.expect("readable").key,
        Some(first)
    );
    assert_eq!(head(&store).await, before);

    holder.execute_batch("ROLLBACK").expect("let go");
    add_key(&driver).await;
    assert_eq!(
        head(&store).await.revision.count(),
        before.revision.count() + 1
    );
}

#[tokio::test]
async fn who_only_reads_can_start_while_somebody_holds_the_writers_lock() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let start = async || {
        let store = SqliteStore::open(&path).expect("opened");
        let builder = KeyManager::builder(store).keyring(keyring.clone());
        builder.build().await.expect("built")
    };
    let actor = Actor::new("test").expect("a name");
    let new_key = || {
        let (owner, name) = ("acme".parse(), "job".parse());
        NewKey::new(ORDERS, owner.expect("an owner"), name.expect("a name"))
    };
    let manager = start().await;
    let service = NewService::new(ORDERS);
    let created = manager.create_service(service, &actor).await;
    created.expect("a service");
    let issued = manager.create_key(new_key(), &actor).await.expect("a key");
    manager.shutdown().await.expect("flushed");
    drop(manager);

    let holder = raw(&path);
    holder.execute_batch("BEGIN EXCLUSIVE").expect("held");
    let manager = start().await;
    let page = manager.list_keys(ListKeys::of(ORDERS)).await;
    assert_eq!(page.expect("a page").keys.len(), 1);
    let token = Presented::new(issued.token.expose().as_bytes());
    let verdict = manager.validate(token, &Context::new(&ORDERS)).await;
    assert!(matches!(verdict, Verdict::Granted(_)), "{verdict:?}");
    let refused = manager.create_key(new_key(), &actor).await;
    let refused = refused.expect_err("held");
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    holder.execute_batch("ROLLBACK").expect("let go");
    let created = manager.create_key(new_key(), &actor).await;
    created.expect("created");
}

#[tokio::test]
async fn a_file_that_somebody_has_to_himself_is_busy() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    drop(open(&path));
    let holder = raw(&path);
    holder
        .execute_batch("PRAGMA locking_mode = exclusive; UPDATE head SET tag = tag")
        .expect("held");
    let start = Instant::now();
    open_fails(&path, StoreErrorKind::Busy);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "took {:?}",
        start.elapsed()
    );
    drop(holder);
    fill(&drive(&open(&path))).await;
}

#[tokio::test]
async fn however_many_wait_for_a_lock_all_are_answered_in_bounded_time() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    let holder = raw(&path);
    holder.execute_batch("BEGIN EXCLUSIVE").expect("held");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..3_000 {
        let driver = driver.clone();
        tasks.spawn(async move { driver.create_key(key(ORDERS, n).expect("a key")).await });
    }
    let start = Instant::now();
    while let Some(outcome) = tasks.join_next().await {
        let error = outcome.expect("no panic").expect_err("held");
        assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
    }
    // One waits for the lock on behalf of all.
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "took {:?}",
        start.elapsed()
    );
    holder.execute_batch("ROLLBACK").expect("let go");
    add_key(&driver).await;
}
