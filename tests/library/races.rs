use portcullis::manager::{NewService, Rotation, VerifyAudit};
use portcullis::{ErrorKind, KeyManager, Keyring, SqliteStore};

use crate::{ORDERS, actor, issue, new_key, service};

async fn manager(folder: &tempfile::TempDir) -> KeyManager {
    let store = SqliteStore::open(folder.path().join("keys.db")).expect("opened");
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    KeyManager::builder(store)
        .keyring(keyring)
        .build()
        .await
        .expect("built")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_parallel_creations_against_a_quota_of_ten_ten_succeed() {
    let folder = tempfile::tempdir().expect("a folder");
    let manager = manager(&folder).await;
    service(&manager, NewService::new(ORDERS).quota(10)).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let manager = manager.clone();
            tokio::spawn(async move { manager.create_key(new_key(), &actor()).await })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.expect("a task") {
            Ok(_) => created += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::QuotaReached, "{error}"),
        }
    }
    assert_eq!(created, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_parallel_rotations_of_one_record_one_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    let manager = manager(&folder).await;
    service(&manager, NewService::new(ORDERS)).await;
    let key = issue(&manager).await.key;
    let rotation = Rotation::default().expected_version(key.version);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let manager = manager.clone();
            tokio::spawn(async move { manager.rotate_key(key.id, rotation, &actor()).await })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("a task") {
            Ok(_) => winners += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(manager.key(key.id).await.expect("a key").secrets.len(), 2);
    let report = manager
        .verify_audit(VerifyAudit::new())
        .await
        .expect("verified");
    assert!(report.is_whole(), "{report:?}");
}
