//! Any value in any column of a key's record: read as what it says, or
//! refused as damage.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use portcullis_core::store::{KeyStore, Lookup, StoreErrorKind};
use portcullis_fuzz::World;
use portcullis_store::SqliteStore;
use rusqlite::Connection;
use rusqlite::types::Value;

struct Database {
    world: World,
    store: SqliteStore,
    connection: Connection,
    columns: Vec<(&'static str, String)>,
    _folder: tempfile::TempDir,
}

thread_local! {
    static DATABASE: RefCell<Database> = RefCell::new(database());
}

fn database() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let world = World::new(SqliteStore::open(&path).unwrap());
    let store = SqliteStore::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    // Whoever changes a row from outside is bound by nothing of ours.
    connection
        .execute_batch("PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0; PRAGMA synchronous = 0;")
        .unwrap();
    let mut columns = Vec::new();
    for table in ["keys", "secrets", "services", "head", "changes", "usage"] {
        let mut statement = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        columns.extend(names.map(|name| (table, name.unwrap())));
    }
    Database {
        world,
        store,
        connection,
        columns,
        _folder: folder,
    }
}

fuzz_target!(|data: &[u8]| {
    let [column, kind, bytes @ ..] = data else {
        return;
    };
    DATABASE.with_borrow_mut(|database| {
        let (table, column) = &database.columns[usize::from(*column) % database.columns.len()];
        let value = match kind % 5 {
            0 => Value::Null,
            1 => Value::Integer(number(bytes)),
            2 => Value::Real(f64::from_bits(number(bytes).cast_unsigned())),
            3 => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            _ => Value::Blob(bytes.to_vec()),
        };
        database.connection.execute_batch("SAVEPOINT fuzz").unwrap();
        // A STRICT table refuses some types: there is nothing to read then.
        let set = format!("UPDATE {table} SET \"{column}\" = ?1");
        let changed = database.connection.execute(&set, [value]);
        database.connection.execute_batch("RELEASE fuzz").unwrap();
        if changed.is_err() {
            return;
        }
        let id = database.world.issued.key.id;
        let runtime = &database.world.runtime;
        for error in [
            runtime.block_on(database.store.load(Lookup::Id(id))).err(),
            runtime.block_on(database.store.load_services()).err(),
            runtime.block_on(database.store.head()).err(),
        ]
        .into_iter()
        .flatten()
        {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
        }
        // What was read wrongly once must not stay.
        *database = self::database();
    });
});

fn number(bytes: &[u8]) -> i64 {
    let mut number = [0; 8];
    let length = bytes.len().min(8);
    number[..length].copy_from_slice(&bytes[..length]);
    i64::from_le_bytes(number)
}
