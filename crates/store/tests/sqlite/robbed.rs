//! A log that was taken away, emptied or exchanged under a store that has it
//! open: nothing that was acknowledged is given up without a word.

use std::fs::{self, OpenOptions};
use std::sync::Arc;

use portcullis_core::key::Key;
use portcullis_core::store::conformance::Driver;
use portcullis_core::store::{Changes, Head, KeyStore as _, StoreErrorKind};
use portcullis_store::SqliteStore;
use rusqlite::Connection;

use crate::support::{Folder, add_key, changes, drive, fill, head, open, open_fails, raw};

/// The folder's database, in use, with a service and one key in it.
async fn filled(folder: &Folder) -> (Arc<SqliteStore>, Driver, Key) {
    let store = open(&folder.path("keys.db"));
    let driver = drive(&store);
    let early = fill(&driver).await;
    (store, driver, early)
}

/// Reads from the log, so that it cannot be moved into the file as a whole.
fn hold(folder: &Folder) -> Connection {
    let reader = raw(&folder.path("keys.db"));
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM head")
        .expect("a snapshot");
    reader
}

fn remove(folder: &Folder, names: &[&str]) {
    for name in names {
        fs::remove_file(folder.path(name)).expect("removed");
    }
}

async fn poll_fails(store: &SqliteStore, since: Head, kind: StoreErrorKind, word: &str) {
    let error = store.changes(since).await.expect_err("refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

async fn assert_nothing_new(store: &SqliteStore, since: Head) {
    let none = Changes::Some {
        head: since,
        keys: Vec::new(),
        services: false,
    };
    assert_eq!(changes(store, since).await, none);
}

async fn assert_there(driver: &Driver, key: &Key) {
    let found = driver.load(key.id).await.expect("loaded").key;
    assert_eq!(found.as_ref(), Some(key));
}

#[tokio::test]
async fn a_log_that_is_gone_and_still_read_stops_changes_until_all_of_it_is_in_the_file() {
    for gone in [&["keys.db-wal"][..], &["keys.db-wal", "keys.db-shm"]] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let (store, driver, _) = filled(&folder).await;
        let reader = hold(&folder);
        let late = add_key(&driver).await;
        let known = head(&store).await;
        remove(&folder, gone);
        for _ in 0..3 {
            poll_fails(&store, known, StoreErrorKind::Unavailable, "taken away").await;
            let error = driver.update_key(late.clone()).await.expect_err("refused");
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            // What is read is what was acknowledged.
            assert_there(&driver, &late).await;
        }
        drop(reader);
        assert_nothing_new(&store, known).await;
        assert_there(&driver, &late).await;
        let more = add_key(&driver).await;
        drop((store, driver));
        let driver = drive(&open(&path));
        for key in [late, more] {
            assert_there(&driver, &key).await;
        }
    }
}

#[tokio::test]
async fn a_log_that_is_gone_with_its_last_process_is_missed_at_the_next_start() {
    let folder = Folder::new();
    let (_store, driver, _) = filled(&folder).await;
    let _reader = hold(&folder);
    add_key(&driver).await;
    // As a killed process leaves it, without what somebody took for rubbish; a
    // database so young that its file has hardly anything is none the less.
    for name in ["keys.db", "keys.db-head"] {
        let copy = folder.path(&name.replace("keys", "left"));
        fs::copy(folder.path(name), copy).expect("copied");
    }
    let message = open_fails(&folder.path("left.db"), StoreErrorKind::Corrupt);
    assert!(message.contains("revision 3 was acknowledged"), "{message}");
}

#[tokio::test]
async fn who_comes_when_the_log_is_gone_takes_nothing_of_it() {
    let folder = Folder::new();
    let (store, driver, _) = filled(&folder).await;
    let late = add_key(&driver).await;
    let known = head(&store).await;
    remove(&folder, &["keys.db-wal"]);
    // SQLite makes a log for whoever opens the database.
    fs::write(folder.path("keys.db-wal"), "").expect("written");
    assert_nothing_new(&store, known).await;
    assert_there(&driver, &late).await;
}

#[tokio::test]
async fn another_log_in_its_place_is_refused_unless_it_has_what_was_acknowledged() {
    let folder = Folder::new();
    let (store, driver, early) = filled(&folder).await;
    let reader = hold(&folder);
    let before = folder.path("before");
    fs::copy(folder.path("keys.db-wal"), &before).expect("copied");
    let late = add_key(&driver).await;
    let known = head(&store).await;

    // The same bytes in another file.
    let same = folder.path("same");
    fs::copy(folder.path("keys.db-wal"), &same).expect("copied");
    fs::rename(&same, folder.path("keys.db-wal")).expect("moved");
    assert_nothing_new(&store, known).await;
    assert_there(&driver, &late).await;

    // What it was before the latest change.
    remove(&folder, &["keys.db-shm"]);
    fs::rename(&before, folder.path("keys.db-wal")).expect("moved");
    drop(reader);
    for _ in 0..2 {
        poll_fails(&store, known, StoreErrorKind::Corrupt, "was acknowledged").await;
        driver.load(late.id).await.expect_err("refused");
        driver.update_key(early.clone()).await.expect_err("refused");
    }
    // As the message says, whoever wants that can have it.
    remove(&folder, &["keys.db-head"]);
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    assert_there(&driver, &early).await;
    assert_eq!(driver.load(late.id).await.expect("loaded").key, None);
}

#[tokio::test]
async fn a_log_that_was_emptied_in_its_place_never_sets_the_database_back() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let (store, driver, _) = filled(&folder).await;
    let reader = hold(&folder);
    let late = add_key(&driver).await;
    let log = OpenOptions::new()
        .write(true)
        .open(folder.path("keys.db-wal"));
    log.expect("the log").set_len(0).expect("emptied");
    // What a thread has in its memory is right, and all else does not read.
    for _ in 0..20 {
        match driver.load(late.id).await {
            Ok(loaded) => assert_eq!(loaded.key.as_ref(), Some(&late)),
            Err(error) => assert_ne!(error.kind(), StoreErrorKind::NotFound, "{error}"),
        }
    }
    drop(reader);
    drop((store, driver));
    open_fails(&path, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn without_the_logs_index_nothing_is_lost() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let (store, driver, _) = filled(&folder).await;
    let late = add_key(&driver).await;
    let known = head(&store).await;
    remove(&folder, &["keys.db-shm"]);
    assert_nothing_new(&store, known).await;
    // Another process, which makes a new index, goes on with the same log.
    let other = open(&path);
    let theirs = add_key(&drive(&other)).await;
    let ours = add_key(&driver).await;
    for driver in [&driver, &drive(&other)] {
        for key in [&late, &theirs, &ours] {
            assert_there(driver, key).await;
        }
    }
}

/// A database whose latest change is in its log alone, moved away for a moment;
/// and the last head that is known of it.
async fn move_away(folder: &Folder) -> (Arc<SqliteStore>, Driver, Key, Head) {
    let (store, driver, _) = filled(folder).await;
    // Whoever reads it keeps the log from being moved into the file.
    let reader = hold(folder);
    let late = add_key(&driver).await;
    let known = head(&store).await;
    fs::rename(folder.path("keys.db"), folder.path("away")).expect("moved away");
    poll_fails(&store, known, StoreErrorKind::Unavailable, "keys.db").await;
    drop(reader);
    (store, driver, late, known)
}

#[tokio::test]
async fn a_file_that_comes_back_finds_its_log_and_every_change() {
    let folder = Folder::new();
    let (store, driver, late, known) = move_away(&folder).await;
    fs::rename(folder.path("away"), folder.path("keys.db")).expect("back");
    assert_nothing_new(&store, known).await;
    assert_there(&driver, &late).await;
    add_key(&driver).await;
}

#[tokio::test]
async fn a_file_that_comes_back_without_its_latest_changes_is_refused() {
    let folder = Folder::new();
    let (store, _driver, _late, known) = move_away(&folder).await;
    remove(&folder, &["keys.db-wal"]);
    fs::rename(folder.path("away"), folder.path("keys.db")).expect("back");
    poll_fails(&store, known, StoreErrorKind::Corrupt, "was acknowledged").await;
}

#[tokio::test]
async fn another_file_that_comes_to_an_empty_path_does_not_meet_the_log() {
    let folder = Folder::new();
    let other = open(&folder.path("other.db"));
    let theirs = fill(&drive(&other)).await;
    drop(other);
    let (store, driver, late, known) = move_away(&folder).await;
    assert!(folder.names().contains(&"keys.db-wal".to_owned()));
    fs::rename(folder.path("other.db"), folder.path("keys.db")).expect("moved");
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    assert_there(&driver, &theirs).await;
    assert_eq!(driver.load(late.id).await.expect("loaded").key, None);
    add_key(&driver).await;
    drop((store, driver));
    let report = SqliteStore::check(folder.path("keys.db")).expect("checked");
    assert!(report.is_whole(), "{report}");
}
