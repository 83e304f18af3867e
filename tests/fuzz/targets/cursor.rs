//! Any text as a cursor is refused as that, and any bytes as a position behind
//! the signature are refused or end the listing: neither store panics.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_core::ErrorKind;
use portcullis_core::clock::Timestamp;
use portcullis_core::key::{KeyFilter, KeyStatus};
use portcullis_core::manager::ListKeys;
use portcullis_core::store::{KeyStore, MemoryStore, PagePosition, PageRequest};
use portcullis_fuzz::{ORDERS, World};
use portcullis_store::SqliteStore;

struct Stores {
    world: World,
    memory: MemoryStore,
    sqlite: SqliteStore,
    _folder: tempfile::TempDir,
}

static STORES: LazyLock<Stores> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    World::new(SqliteStore::open(&path).unwrap());
    let sqlite = SqliteStore::open(&path).unwrap();
    let memory = MemoryStore::new();
    Stores {
        world: World::new(memory.clone()),
        memory,
        sqlite,
        _folder: folder,
    }
});

fuzz_target!(|data: &[u8]| {
    let stores = &*STORES;
    if let Ok(text) = std::str::from_utf8(data) {
        let list = ListKeys::of(ORDERS.clone()).cursor(text);
        let listed = stores
            .world
            .runtime
            .block_on(stores.world.manager.list_keys(list));
        assert_eq!(listed.unwrap_err().kind(), ErrorKind::Cursor);
    }
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    let Ok(after) = PagePosition::new(&bytes[..bytes.len().min(PagePosition::MAX_BYTES)]) else {
        return;
    };
    let request = PageRequest {
        filter: filter(*kind),
        after: Some(after),
        limit: 10,
        now: Timestamp::from_millis(1),
    };
    // An error or a page, both are answers.
    let runtime = &stores.world.runtime;
    let _ = runtime.block_on(stores.memory.page(request.clone()));
    let _ = runtime.block_on(stores.sqlite.page(request));
});

/// A filter of each order that a store may have.
fn filter(kind: u8) -> KeyFilter {
    let mut filter = KeyFilter::default();
    if kind & 1 != 0 {
        filter.service = Some(ORDERS.clone());
    }
    match kind >> 1 & 7 {
        0 => {}
        1 => filter.owner = Some("acme".parse().unwrap()),
        2 => filter.status = Some(KeyStatus::Active),
        3 => filter.scope = Some("orders:read".parse().unwrap()),
        4 => filter.expires_before = Some(Timestamp::MAX),
        5 => filter.name = Some("fuzz".parse().unwrap()),
        6 => filter.last_used = Some(portcullis_core::key::LastUsed::Never),
        _ => filter.created = Some(portcullis_core::key::Span::default()),
    }
    filter
}
