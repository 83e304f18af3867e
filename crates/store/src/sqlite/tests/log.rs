use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_core::store::StoreError;
use portcullis_core::store::conformance::{Driver, key};
use rusqlite::Connection;

use super::faults::{ORDERS, filled};
use crate::SqliteStore;
use crate::sqlite::checkpoint::Emptied;
use crate::sqlite::identity::beside;

const MIB: u64 = 1 << 20;
/// From which length on the log is emptied, and more than that.
const LIMIT: u64 = 16 * MIB;
const BOUND: u64 = 28 * MIB;

/// Makes changes until so much was written to the log; returns how long it was
/// at most.
async fn write(store: &SqliteStore, driver: &Driver, bytes: u64) -> u64 {
    let (mut written, mut last, mut longest, mut n) = (0, 0, 0, 0);
    while written < bytes {
        n += 1;
        driver
            .create_key(key(ORDERS, n).expect("a key"))
            .await
            .expect("created");
        let length = store.link.log_length();
        // What grows; a log that is begun anew keeps its length at first.
        written += length.saturating_sub(last).max(20_000);
        (last, longest) = (length, longest.max(length));
    }
    longest
}

/// Reads one snapshot after the other.
fn read(path: &Path, ended: &AtomicBool) {
    let raw = Connection::open(path).expect("a connection");
    while !ended.load(Ordering::Relaxed) {
        raw.execute_batch("BEGIN; SELECT count(*) FROM head")
            .expect("a snapshot");
        thread::sleep(Duration::from_millis(20));
        raw.execute_batch("COMMIT").expect("its end");
    }
}

async fn emptied(store: &SqliteStore) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while store.link.log_length() > 0 {
        assert!(Instant::now() < deadline, "the log stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_log_over_its_limit_is_emptied_however_many_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path: Arc<PathBuf> = Arc::new(folder.path().join("keys.db"));
    let (store, driver, _) = filled(&path).await;
    let ended = Arc::new(AtomicBool::new(false));
    // Out of step: there is never a moment at which nobody reads.
    let readers: Vec<_> = (0..4)
        .map(|_| {
            thread::sleep(Duration::from_millis(5));
            let (path, ended) = (Arc::clone(&path), Arc::clone(&ended));
            thread::spawn(move || read(&path, &ended))
        })
        .collect();
    // On a busy machine a moment to empty it may be long in coming; without
    // anybody who looks for one it never comes.
    let (mut n, mut over) = (0, false);
    let deadline = Instant::now() + Duration::from_secs(40);
    let emptied_in_use = loop {
        n += 1;
        let new = driver.create_key(key(ORDERS, n).expect("a key"));
        new.await.expect("created");
        let length = store.link.log_length();
        over |= length > LIMIT;
        if over && length < LIMIT || Instant::now() > deadline {
            break over && length < LIMIT;
        }
    };
    ended.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().expect("no panic");
    }
    assert!(emptied_in_use, "over its limit: {over}, after {n} keys");
    emptied(&store).await;
}

#[tokio::test]
async fn a_log_that_one_long_reader_held_shrinks_once_it_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let (store, driver, first) = filled(&path).await;
    let reader = Connection::open(&path).expect("a connection");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM head")
        .expect("a snapshot");
    let longest = write(&store, &driver, 30 * MIB).await;
    assert!(longest > BOUND, "{longest} bytes: nothing held the log");
    // It still sees what it saw.
    let seen = "SELECT count(*) FROM keys";
    let seen: i64 = reader.query_row(seen, [], |row| row.get(0)).expect("read");
    assert_eq!(seen, 1);
    // Idle, and nothing is written that could notice that it is gone: the log
    // is looked after all the same, and stays as long as it is needed.
    let before = store.link.held.load(Ordering::Relaxed);
    let deadline = Instant::now() + Duration::from_secs(20);
    while store.link.held.load(Ordering::Relaxed) == before {
        assert!(Instant::now() < deadline, "nobody looks after the log");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.link.log_length(), longest);
    drop(reader);
    emptied(&store).await;
    let found = driver.load(first.id).await.expect("loaded").key;
    assert_eq!(found, Some(first));
}

#[tokio::test]
async fn a_log_that_cannot_be_moved_is_told_from_one_that_is_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let (store, driver, _) = filled(&path).await;
    let reader = Connection::open(&path).expect("a connection");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM head")
        .expect("a snapshot");
    driver
        .create_key(key(ORDERS, 1).expect("a key"))
        .await
        .expect("created");
    let emptied = store.link.empty_log(Duration::ZERO);
    assert!(matches!(emptied, Some(Emptied::Held)), "{emptied:?}");
    // A disk that does not give back what was written to it.
    let log = OpenOptions::new().write(true).open(beside(&path, "-wal"));
    log.expect("the log").set_len(32).expect("cut");
    reader.execute_batch("ROLLBACK").expect("its end");
    drop(reader);
    let emptied = store.link.empty_log(Duration::ZERO);
    let Some(Emptied::Failed(failure)) = emptied else {
        panic!("{emptied:?}");
    };
    let error = StoreError::from(failure);
    assert!(error.to_string().contains("the disk"), "{error}");
}
