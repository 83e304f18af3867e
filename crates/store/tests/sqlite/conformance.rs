use std::cell::Cell;

use portcullis_core::store::conformance;
use portcullis_store::SqliteStore;

use crate::support::Folder;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sqlite_store_conforms() {
    let folder = Folder::new();
    let made = Cell::new(0);
    let fresh = async || {
        made.set(made.get() + 1);
        SqliteStore::open(folder.path(&format!("{}.db", made.get()))).expect("a store")
    };
    conformance::run(fresh).await.expect("every rule holds");
    assert_eq!(made.get(), conformance::rules().count());
}
