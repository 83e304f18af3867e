use std::time::{Duration, Instant};

use portcullis_core::store::conformance::{at, key, service};
use portcullis_core::store::{
    AuditLog as _, Changes, Head, KeyStore as _, Operation, Revision, StoreErrorKind,
};

use crate::support::{Folder, ORDERS, add_key, changes, drive, fill, head, open, raw};

#[tokio::test]
async fn everything_is_there_after_the_store_is_opened_again() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let key = fill(&drive(&store)).await;
    let before = head(&store).await;
    drop(store);
    assert_eq!(
        folder.names(),
        ["keys.db", "keys.db-head"],
        "closing empties and removes the log"
    );
    let store = open(&path);
    assert_eq!(head(&store).await, before);
    assert_eq!(
        drive(&store).load(key.id).await.expect("loaded").key,
        Some(key)
    );
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_process_that_is_killed() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    for _ in 0..20 {
        let key = add_key(&driver).await;
        // What the files hold now is what a killed process leaves behind.
        let copy = folder.path("copy.db");
        std::fs::copy(&path, &copy).expect("copied");
        std::fs::copy(folder.path("keys.db-wal"), folder.path("copy.db-wal")).expect("copied");
        let copied = open(&copy);
        assert_eq!(head(&copied).await, head(&store).await);
        assert_eq!(
            drive(&copied).load(key.id).await.expect("loaded").key,
            Some(key)
        );
    }
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_others_changes() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let (one, other) = (open(&path), open(&path));
    let start = head(&other).await;
    let key = fill(&drive(&one)).await;
    let seen = changes(&other, start).await;
    assert_eq!(
        seen,
        Changes::Some {
            head: head(&one).await,
            keys: vec![key.id],
            services: true
        }
    );
    let second = add_key(&drive(&other)).await;
    drop(other);
    let found = drive(&one).load(second.id).await.expect("loaded");
    assert_eq!(
        (found.head.revision, found.key),
        (Revision::new(3), Some(second))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quota_holds_across_two_stores_on_one_file() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let (one, other) = (drive(&open(&path)), drive(&open(&path)));
    one.create_service(service(ORDERS, 10))
        .await
        .expect("a service");
    let creations = |from: i64| {
        (from..from + 50)
            .map(|n| Operation::CreateKey {
                key: key(ORDERS, n).expect("a key"),
                now: at(0),
            })
            .collect()
    };
    let (a, b) = tokio::join!(
        one.all_at_once(creations(0)),
        other.all_at_once(creations(50))
    );
    let outcomes: Vec<_> = a.expect("ran").into_iter().chain(b.expect("ran")).collect();
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        10
    );
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), StoreErrorKind::QuotaReached, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_that_fails_halfway_is_undone_and_those_beside_it_are_not() {
    let folder = Folder::new();
    let store = open(&folder.path("keys.db"));
    let driver = drive(&store);
    driver
        .create_service(service(ORDERS, 1_000))
        .await
        .expect("a service");
    let keys: Vec<_> = (0..40).map(|n| key(ORDERS, n).expect("a key")).collect();
    let creations = keys.iter().cloned().zip(0..).map(|(mut key, n)| {
        if n % 2 == 1 {
            // The key's row is written before the second secret is refused.
            key.secrets.push(key.secrets[0].clone());
        }
        Operation::CreateKey { key, now: at(0) }
    });
    let outcomes = driver.all_at_once(creations.collect()).await.expect("ran");
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        20
    );
    for (key, n) in keys.into_iter().zip(0..) {
        let found = driver.load(key.id).await.expect("loaded").key;
        assert_eq!(found, (n % 2 == 0).then_some(key));
    }
    let audit = store.audit_head().await.expect("a head");
    assert_eq!(
        (head(&store).await.revision, audit.sequence),
        (Revision::new(21), 21)
    );
}

#[tokio::test]
async fn a_dropped_store_finishes_what_was_handed_to_it() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    driver
        .create_service(service(ORDERS, 100))
        .await
        .expect("a service");
    for n in 0..50 {
        let operation = Operation::CreateKey {
            key: key(ORDERS, n).expect("a key"),
            now: at(0),
        };
        let mut commit = store.commit(driver.change(operation));
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(commit.as_mut().poll(context).is_ready())
        });
        polled.await;
    }
    drop((store, driver));
    assert_eq!(head(&open(&path)).await.revision, Revision::new(51));
}

#[tokio::test]
async fn a_revision_that_is_forgotten_is_answered_with_everything() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    raw(&path)
        .execute_batch(
            "UPDATE head SET revision = 200000;
             INSERT INTO changes (number, revision, tag, kind) VALUES
             (100000, 100000, 6, 'service'), (100001, 100001, 7, 'service'),
             (100002, 100002, -8, 'service'), (200000, 200000, 9, 'nothing');",
        )
        .expect("a long history");
    let service = service(ORDERS, 1);
    drive(&store)
        .create_service(service)
        .await
        .expect("the 200,001st change");
    let head = head(&store).await;
    let since = |count, tag: i64| {
        let (revision, tag) = (Revision::new(count), tag.cast_unsigned());
        changes(&store, Head { revision, tag })
    };
    assert_eq!(since(100_000, 6).await, Changes::All { head });
    assert_eq!(since(100_001, 7).await, Changes::All { head });
    assert_eq!(
        since(100_002, -8).await,
        Changes::Some {
            head,
            keys: Vec::new(),
            services: true
        }
    );
    assert_eq!(since(100_002, 8).await, Changes::Diverged { head });
}

#[tokio::test]
async fn an_idle_store_leaves_an_empty_log() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    fill(&drive(&store)).await;
    let log = || {
        std::fs::metadata(folder.path("keys.db-wal"))
            .expect("a log")
            .len()
    };
    assert!(log() > 0);
    let deadline = Instant::now() + Duration::from_secs(20);
    while log() > 0 {
        assert!(
            Instant::now() < deadline,
            "the log still holds {} bytes",
            log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    add_key(&drive(&store)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_the_store_creates_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let store = open(&folder.path("keys.db"));
    fill(&drive(&store)).await;
    let names = ["keys.db", "keys.db-head", "keys.db-shm", "keys.db-wal"];
    assert_eq!(folder.names(), names);
    for name in folder.names() {
        let mode = std::fs::metadata(folder.path(&name))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
