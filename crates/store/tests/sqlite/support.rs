//! Folders, stores and raw connections for the tests of this binary.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::key::{Key, KeyFilter};
use portcullis_core::service::ServiceName;
use portcullis_core::store::conformance::{Driver, at, key, service};
use portcullis_core::store::{
    Changes, EventsRequest, Head, KeyStore as _, PageRequest, StoreErrorKind,
};
use portcullis_store::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) const ORDERS: ServiceName = ServiceName::from_static("orders");

/// The first events of the trail.
pub(crate) const EVENTS: EventsRequest = EventsRequest {
    after: 0,
    limit: 10,
    service: None,
    key: None,
};

/// The first page of the service's keys.
pub(crate) fn orders() -> PageRequest {
    PageRequest {
        filter: KeyFilter {
            service: Some(ORDERS),
            ..KeyFilter::default()
        },
        after: None,
        limit: 10,
        now: at(0),
    }
}

/// A folder that goes with the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The names of all files, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("readable");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("unicode")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    /// Every file's name and bytes.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let read = |name: String| {
            let bytes = std::fs::read(self.path(&name)).expect("readable");
            (name, bytes)
        };
        self.names().into_iter().map(read).collect()
    }
}

pub(crate) fn open(path: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(path).expect("the store opens"))
}

pub(crate) fn open_fails(path: &Path, kind: StoreErrorKind) -> String {
    let error = SqliteStore::open(path).expect_err("no store");
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

pub(crate) fn drive(store: &Arc<SqliteStore>) -> Driver {
    Driver::new(Arc::clone(store) as _).expect("entropy")
}

/// Another program's connection to the file.
pub(crate) fn raw(path: &Path) -> Connection {
    Connection::open(path).expect("a connection")
}

/// A service and one key in it.
pub(crate) async fn fill(driver: &Driver) -> Key {
    driver
        .create_service(service(ORDERS, 1_000))
        .await
        .expect("a service");
    add_key(driver).await
}

pub(crate) async fn add_key(driver: &Driver) -> Key {
    let key = key(ORDERS, 0).expect("a key");
    driver.create_key(key.clone()).await.expect("created");
    key
}

pub(crate) async fn head(store: &SqliteStore) -> Head {
    store.head().await.expect("a head")
}

pub(crate) async fn changes(store: &SqliteStore, since: Head) -> Changes {
    store.changes(since).await.expect("changes")
}
