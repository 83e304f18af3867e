use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portcullis_core::store::{AuditLog as _, Changes, Revision, StoreError, StoreErrorKind};
use portcullis_store::{BackupReport, SqliteStore};

use crate::migration;
use crate::support::{Folder, add_key, changes, drive, fill, head, open, raw};

async fn refused(store: &SqliteStore, to: &Path, kind: StoreErrorKind, word: &str) {
    let error = store.backup(to).await.expect_err("no backup");
    assert_eq!(error.kind(), kind, "{}: {error}", to.display());
    assert!(error.to_string().contains(word), "{error}");
}

#[tokio::test]
async fn a_backup_is_the_database_of_one_moment_and_can_be_put_in_its_place() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let key = fill(&driver).await;
    let to = folder.path("backup.db");
    let report = store.backup(&to).await.expect("a backup");
    assert_eq!(report.head, head(&store).await);
    assert_eq!(report.audit_head, store.audit_head().await.expect("a head"));
    assert_eq!((report.services, report.keys), (1, 1));
    assert_eq!(report.bytes, fs::metadata(&to).expect("a file").len());
    let late = add_key(&driver).await;
    let names = [
        "backup.db",
        "keys.db",
        "keys.db-head",
        "keys.db-shm",
        "keys.db-wal",
    ];
    assert_eq!(folder.names(), names, "nothing else is left");

    // Copying the file is all that restoring is: while nobody uses it,
    drop((store, driver));
    fs::copy(&to, &path).expect("copied");
    let store = open(&path);
    let driver = drive(&store);
    assert_eq!(head(&store).await, report.head);
    assert_eq!(driver.load(late.id).await.expect("loaded").key, None);
    // while it is in use,
    add_key(&driver).await;
    let known = head(&store).await;
    fs::copy(&to, folder.path("copy.db")).expect("copied");
    fs::rename(folder.path("copy.db"), &path).expect("moved");
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    let found = driver.load(key.id).await.expect("loaded").key;
    assert_eq!(found, Some(key));
    // and once more.
    for _ in 0..5 {
        add_key(&driver).await;
    }
    drop((store, driver));
    fs::copy(&to, &path).expect("copied");
    let store = open(&path);
    assert_eq!(head(&store).await, report.head);
    add_key(&drive(&store)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let store = open(&folder.path("keys.db"));
    store
        .backup(folder.path("backup.db"))
        .await
        .expect("a backup");
    let metadata = fs::metadata(folder.path("backup.db")).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_replaces_nothing_and_never_becomes_a_part_of_a_database() {
    use StoreErrorKind::{AlreadyExists, Invalid};
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    fill(&drive(&store)).await;
    fs::write(folder.path("taken"), "mine").expect("written");
    fs::create_dir(folder.path("folder")).expect("a folder");
    fs::hard_link(&path, folder.path("linked.db")).expect("a link");
    symlink(&path, folder.path("symbolic.db")).expect("a link");
    symlink(folder.path("nowhere"), folder.path("dangling")).expect("a link");
    fs::write(folder.path("torn.db-wal"), "a log").expect("written");
    fs::write(folder.path("other.db"), "").expect("written");
    let before = folder.names();
    let log = fs::read(folder.path("keys.db-wal")).expect("a log");

    for itself in ["keys.db", "folder/../keys.db", "linked.db", "symbolic.db"] {
        refused(
            &store,
            &folder.path(itself),
            AlreadyExists,
            "is the database itself",
        )
        .await;
    }
    for taken in [
        "taken",
        "folder",
        "folder/",
        "dangling",
        "keys.db-wal",
        "keys.db-shm",
    ] {
        refused(&store, &folder.path(taken), AlreadyExists, "exists already").await;
    }
    for part in [
        "keys.db-journal",
        "folder/../keys.db-journal",
        "other.db-wal",
        "other.db-head",
    ] {
        refused(&store, &folder.path(part), AlreadyExists, "a part of").await;
    }
    refused(&store, &folder.path("torn.db"), AlreadyExists, "-wal").await;
    refused(&store, &folder.path("none/backup.db"), Invalid, "no folder").await;
    refused(&store, &folder.path("taken/backup.db"), Invalid, "taken").await;
    refused(&store, &folder.path("folder/.."), Invalid, "names no file").await;
    refused(&store, Path::new(""), Invalid, "names no file").await;
    assert_eq!(folder.names(), before);
    assert_eq!(fs::read(folder.path("taken")).expect("readable"), b"mine");
    assert_eq!(fs::read(folder.path("keys.db-wal")).expect("a log"), log);
    assert!(SqliteStore::check(&path).expect("checked").is_whole());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn backups_under_writes_are_each_of_one_moment_and_hold_nobody_up() {
    let folder = Folder::new();
    let store = open(&folder.path("keys.db"));
    let driver = drive(&store);
    let first = fill(&driver).await;
    for _ in 0..200 {
        add_key(&driver).await;
    }
    let ended = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (driver, ended) = (driver.clone(), Arc::clone(&ended));
        async move {
            let mut written = 0_u64;
            while !ended.load(Ordering::Relaxed) {
                add_key(&driver).await;
                written += 1;
            }
            written
        }
    });
    let reading = tokio::spawn({
        let (driver, ended) = (driver.clone(), Arc::clone(&ended));
        async move {
            let mut slowest = Duration::ZERO;
            while !ended.load(Ordering::Relaxed) {
                let began = Instant::now();
                driver.load(first.id).await.expect("loaded");
                slowest = slowest.max(began.elapsed());
            }
            slowest
        }
    });
    let mut last = Revision::new(0);
    let mut copies: Vec<PathBuf> = Vec::new();
    for n in 0..8 {
        let to = folder.path(&format!("backup-{n}.db"));
        while head(&store).await.revision == last {
            tokio::task::yield_now().await;
        }
        let report = store.backup(&to).await.expect("a backup");
        assert!(report.head.revision > last, "writing went on");
        last = report.head.revision;
        // A service, a key for each further revision.
        assert_eq!(report.keys, report.head.revision.count() - 1);
        copies.push(to);
    }
    ended.store(true, Ordering::Relaxed);
    assert!(writing.await.expect("no panic") >= 5);
    let slowest = reading.await.expect("no panic");
    assert!(slowest < Duration::from_secs(2), "a read took {slowest:?}");
    for copy in copies {
        let report = SqliteStore::check(&copy).expect("checked");
        assert!(report.is_whole(), "{report}");
        let copy = open(&copy);
        add_key(&drive(&copy)).await;
    }
}

#[tokio::test]
async fn of_a_damaged_database_there_is_no_backup() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    fill(&drive(&store)).await;
    raw(&path)
        .execute("UPDATE keys SET owner = 'somebody'", [])
        .expect("altered");
    let to = folder.path("backup.db");
    refused(&store, &to, StoreErrorKind::Corrupt, "not whole").await;
    let names = ["keys.db", "keys.db-head", "keys.db-shm", "keys.db-wal"];
    assert_eq!(folder.names(), names, "nothing is left of it");
}

#[tokio::test]
async fn a_backup_that_nobody_waits_for_is_given_up() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    fill(&drive(&store)).await;
    // Pages that are free, and copied none the less.
    raw(&path)
        .execute_batch(
            "CREATE TABLE many (bytes); INSERT INTO many VALUES (zeroblob(33554432)); \
             DROP TABLE many",
        )
        .expect("many pages");
    let is_draft = |name: &String| name.starts_with('.');
    let deadline = Instant::now() + Duration::from_secs(40);
    // One that is faster than we are is whole.
    for _ in 0..10 {
        let to = folder.path("backup.db");
        let backup = tokio::spawn({
            let (store, to) = (Arc::clone(&store), to.clone());
            async move { store.backup(to).await }
        });
        while !folder.names().iter().any(is_draft) && !backup.is_finished() {
            assert!(Instant::now() < deadline, "it never begins");
            tokio::task::yield_now().await;
        }
        backup.abort();
        let ended = backup.await;
        while folder.names().iter().any(is_draft) {
            assert!(Instant::now() < deadline, "{:?}", folder.names());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if !to.exists() {
            assert!(ended.is_err_and(|error| error.is_cancelled()));
            return;
        }
        let report = SqliteStore::check(&to).expect("checked");
        assert!(report.is_whole(), "{report}");
        fs::remove_file(&to).expect("removed");
    }
    panic!("each was made to the end");
}

fn copied(from: &Path, to: &Path) -> Result<BackupReport, StoreError> {
    SqliteStore::copy(from, to, &AtomicBool::new(false))
}

#[tokio::test]
async fn a_copy_changes_nothing_of_what_it_is_made_of_whatever_its_schema() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    drop(migration::make(&path));
    // As a killed process leaves it as well: the log still in place.
    let live = migration::make(&folder.path("live.db"));
    for suffix in ["", "-wal"] {
        let from = folder.path(&format!("live.db{suffix}"));
        fs::copy(from, folder.path(&format!("left.db{suffix}"))).expect("copied");
    }
    for name in ["keys", "left", "live"] {
        let (from, to) = (
            folder.path(&format!("{name}.db")),
            folder.path(&format!("{name}-copy.db")),
        );
        let before = folder.contents();
        let report = copied(&from, &to).expect("a copy");
        assert_eq!((report.schema, report.services, report.keys), (1, 2, 4));
        assert_eq!(report.head.revision, Revision::new(5));
        let mut after = folder.contents();
        after.retain(|(other, _)| *other != format!("{name}-copy.db"));
        let of = |all: Vec<(String, Vec<u8>)>| {
            let all = all.into_iter();
            // Whoever reads a database that is in use says so in its index.
            let all = all.filter(|(name, _)| name != "live.db-shm");
            all.collect::<Vec<_>>()
        };
        assert_eq!(of(after), of(before), "{name}");
        let schema: i64 = raw(&to)
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .expect("a schema");
        assert_eq!(schema, 1);
        // It becomes current where it is used, and nowhere else.
        add_key(&drive(&open(&to))).await;
    }
    drop(live);

    // One of this version, in use and not.
    let path = folder.path("new.db");
    let store = open(&path);
    fill(&drive(&store)).await;
    let report = copied(&path, &folder.path("new-copy.db")).expect("a copy");
    assert_eq!(report.schema, SqliteStore::SCHEMA);
    assert_eq!(report.head, head(&store).await);
    drop(store);
    let note = folder.path("new.db-head");
    fs::remove_file(&note).expect("removed");
    copied(&path, &folder.path("second.db")).expect("a copy");
    assert!(!note.exists(), "nothing is written beside it");
}

#[tokio::test]
async fn of_what_is_not_for_us_or_was_set_back_there_is_no_copy() {
    let folder = Folder::new();
    let refused = |name: &str, kind: StoreErrorKind| {
        let before = folder.names();
        let error = copied(&folder.path(name), &folder.path("copy.db")).expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert_eq!(folder.names(), before, "{name}");
    };
    fs::write(folder.path("text"), "no database\n".repeat(1_000)).expect("written");
    fs::write(folder.path("empty"), "").expect("written");
    drop(open(&folder.path("newer")));
    raw(&folder.path("newer"))
        .execute_batch("PRAGMA user_version = 99")
        .expect("newer");
    refused("text", StoreErrorKind::Foreign);
    refused("empty", StoreErrorKind::Foreign);
    refused("newer", StoreErrorKind::Newer);
    refused("none", StoreErrorKind::Unavailable);

    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    drop((store, driver));
    let early = fs::read(&path).expect("readable");
    add_key(&drive(&open(&path))).await;
    fs::write(&path, early).expect("set back");
    refused("keys.db", StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_copy_that_is_given_up_leaves_nothing() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    fill(&drive(&open(&path))).await;
    let before = folder.names();
    let given_up = AtomicBool::new(true);
    let error = SqliteStore::copy(&path, folder.path("copy.db"), &given_up);
    let error = error.expect_err("given up");
    assert!(error.to_string().contains("given up"), "{error}");
    assert_eq!(folder.names(), before);
}
