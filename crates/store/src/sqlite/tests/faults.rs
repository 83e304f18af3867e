use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, KeyId};
use portcullis_core::service::ServiceName;
use portcullis_core::store::conformance::{Driver, key, service};
use portcullis_core::store::{
    AuditLog as _, KeyStore as _, StoreErrorKind, StoreFault, UsageStore as _,
};
use portcullis_core::usage::{NodeId, Usage, UsageBatch, UsageDelta};
use rusqlite::{Connection, ffi};

use crate::SqliteStore;
use crate::sqlite::error::Failure;

pub(super) const ORDERS: ServiceName = ServiceName::from_static("orders");

pub(super) async fn filled(path: &Path) -> (Arc<SqliteStore>, Driver, Key) {
    let store = Arc::new(SqliteStore::open(path).expect("the store opens"));
    let driver = Driver::new(Arc::clone(&store) as _).expect("entropy");
    let service = service(ORDERS, 1_000_000);
    driver.create_service(service).await.expect("a service");
    let key = key(ORDERS, 0).expect("a key");
    driver.create_key(key.clone()).await.expect("created");
    (store, driver, key)
}

/// How long somebody may take who tries each second.
const PATIENCE: Duration = Duration::from_secs(30);

fn of_writer(store: &SqliteStore, pragma: &str, value: i64) {
    let sql = format!("PRAGMA {pragma} = {value}");
    let set = |connection: &mut Connection| connection.execute_batch(&sql);
    store.link.write(set).expect("open").expect(pragma);
}

fn used_once(id: KeyId) -> UsageBatch {
    let usage = Usage {
        granted: 1,
        ..Usage::default()
    };
    UsageBatch {
        node: NodeId::random(),
        number: 1,
        at: Timestamp::from_millis(0),
        rows: vec![UsageDelta {
            key: id,
            secret: 1,
            usage,
        }],
    }
}

#[tokio::test]
async fn without_room_changes_are_refused_and_with_room_they_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let (store, driver, first) = filled(&path).await;
    // No page more than there are: what SQLite says of a full disk.
    of_writer(&store, "max_page_count", 1);
    let mut kept = vec![first.clone()];
    let (mut refused, mut n) = (Vec::new(), 0);
    while refused.len() < 5 {
        n += 1;
        assert!(n < 1_000, "there is always room");
        let key = key(ORDERS, n).expect("a key");
        match driver.create_key(key.clone()).await {
            Ok(_) => kept.push(key),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
                assert!(error.to_string().contains("no room"), "{error}");
                assert_eq!(store.fault(), Some(StoreFault::Full));
                refused.push(key);
            }
        }
        let found = driver.load(first.id).await.expect("reads go on");
        assert_eq!(found.key.as_ref(), Some(&first));
    }
    of_writer(&store, "max_page_count", 1_000_000);
    let later = key(ORDERS, 2_000).expect("a key");
    driver
        .create_key(later.clone())
        .await
        .expect("there is room");
    assert_eq!(store.fault(), None);
    kept.push(later);
    let committed = u64::try_from(kept.len()).expect("few") + 1;
    assert_eq!(
        store.head().await.expect("a head").revision.count(),
        committed
    );
    assert_eq!(
        store.audit_head().await.expect("a head").sequence,
        committed
    );
    for key in kept {
        let found = driver.load(key.id).await.expect("loaded").key;
        assert_eq!(found, Some(key));
    }
    for key in refused {
        assert_eq!(driver.load(key.id).await.expect("loaded").key, None);
    }
    drop((driver, store));
    let report = SqliteStore::check(&path).expect("checked");
    assert!(report.is_whole(), "{report}");
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_written_to_again_over_a_new_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let (store, driver, first) = filled(&path).await;
    let batch = used_once(first.id);
    of_writer(&store, "query_only", 1);
    let error = store.add_usage(&batch).await.expect_err("read-only");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("only be read"), "{error}");
    assert_eq!(store.fault(), Some(StoreFault::ReadOnly));
    // The next one has a connection that may write.
    driver
        .create_key(key(ORDERS, 1).expect("a key"))
        .await
        .expect("written again");
    assert_eq!(store.fault(), None);
    for _ in 0..2 {
        store.add_usage(&batch).await.expect("sent again");
    }
    let usage = store.usage(vec![first.id]).await.expect("usage");
    assert_eq!(usage.first().map(|usage| usage.total.granted), Some(1));
}

#[tokio::test]
async fn a_fault_that_is_over_is_noticed_without_another_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let (store, _driver, first) = filled(&path).await;
    let ends = async |store: &SqliteStore| {
        let begun = Instant::now();
        while store.fault().is_some() {
            assert!(begun.elapsed() < PATIENCE, "{:?}", store.fault());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    of_writer(&store, "query_only", 1);
    let error = store.add_usage(&used_once(first.id)).await;
    error.expect_err("read-only");
    assert_eq!(store.fault(), Some(StoreFault::ReadOnly));
    ends(&store).await;
    // The poll that misses the file, and the poll that finds it.
    let away = folder.path().join("away.db");
    std::fs::rename(&path, &away).expect("moved");
    store.head().await.expect_err("it is gone");
    assert_eq!(store.fault(), Some(StoreFault::Failing));
    std::fs::rename(&away, &path).expect("moved");
    store.head().await.expect("it is back");
    assert_eq!(store.fault(), None);
}

#[tokio::test]
async fn a_reader_that_failed_gets_a_new_connection_and_one_that_did_not_keeps_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _driver, _) = filled(&folder.path().join("keys.db")).await;
    let marked = |mark: bool| {
        let marked = store.link.read(0, |connection| {
            if mark {
                connection.pragma_update(None, "query_only", true)?;
            }
            let read = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
            Ok(connection.pragma_query_value(None, "query_only", read)?)
        });
        marked.expect("read")
    };
    for (code, renewed) in [
        (ffi::SQLITE_BUSY, false),
        (ffi::SQLITE_IOERR_READ, true),
        (ffi::SQLITE_CORRUPT, true),
        (ffi::SQLITE_NOTADB, true),
        (ffi::SQLITE_CANTOPEN, true),
        (ffi::SQLITE_NOMEM, true),
    ] {
        assert!(marked(true));
        let failed = store.link.read::<()>(0, |_| {
            let error = ffi::Error::new(code);
            Err(Failure::Sqlite(rusqlite::Error::SqliteFailure(error, None)))
        });
        failed.expect_err("it fails");
        assert_eq!(marked(false), !renewed, "code {code}");
    }
}

#[tokio::test]
async fn a_new_connection_reads_no_more_of_a_file_the_more_keys_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let (store, driver, _) = filled(&path).await;
    // Found by whoever reads all sums, and by nobody else.
    let raw = Connection::open(&path).expect("a connection");
    raw.execute("UPDATE head SET sums = sums + 1", [])
        .expect("altered");
    drop(raw);
    store.link.renew_writer().expect("a new connection");
    driver
        .create_key(key(ORDERS, 1).expect("a key"))
        .await
        .expect("created");
    drop((driver, store));
    let error = SqliteStore::open(&path).expect_err("a new start reads all");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
}
