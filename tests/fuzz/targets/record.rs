//! Any value in any column of a key's record: read as what it says, or
//! refused as damage.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use portcullis_core::store::{KeyStore, Lookup, StoreError, StoreErrorKind, UsageStore};
use portcullis_fuzz::World;
use portcullis_store::SqliteStore;
use rusqlite::Connection;
use rusqlite::types::Value;

const TABLES: [&str; 6] = ["keys", "secrets", "services", "head", "changes", "usage"];

struct Database {
    world: World,
    store: SqliteStore,
    connection: Connection,
    columns: Vec<(&'static str, String)>,
    _folder: tempfile::TempDir,
}

thread_local! {
    static DATABASE: RefCell<Database> = RefCell::new(Database::new());
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        let world = World::new(SqliteStore::open(&path).unwrap());
        let store = SqliteStore::open(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        // Whoever changes a row from outside is bound by nothing of ours.
        connection
            .execute_batch(
                "PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0; \
                 PRAGMA synchronous = 0;",
            )
            .unwrap();
        let mut columns = Vec::new();
        for table in TABLES {
            let mut statement = connection
                .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
                .unwrap();
            let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            columns.extend(names.map(|name| (table, name.unwrap())));
            connection
                .execute_batch(&format!("CREATE TEMP TABLE was_{table} AS SELECT * FROM {table}"))
                .unwrap();
        }
        Self {
            world,
            store,
            connection,
            columns,
            _folder: folder,
        }
    }

    /// What every read of the store fails with.
    fn errors(&self) -> impl Iterator<Item = StoreError> {
        let (store, runtime) = (&self.store, &self.world.runtime);
        let id = self.world.issued.key.id;
        [
            runtime.block_on(store.load(Lookup::Id(id))).err(),
            runtime.block_on(store.load_services()).err(),
            runtime.block_on(store.head()).err(),
            runtime.block_on(store.usage(vec![id])).err(),
        ]
        .into_iter()
        .flatten()
    }

    /// Puts the table back as it was.
    fn restore(&self, table: &str) {
        let sql = format!(
            "BEGIN; DELETE FROM {table}; INSERT INTO {table} SELECT * FROM was_{table}; COMMIT"
        );
        self.connection.execute_batch(&sql).unwrap();
    }
}

fuzz_target!(|data: &[u8]| {
    let [column, kind, bytes @ ..] = data else {
        return;
    };
    DATABASE.with_borrow(|database| {
        let (table, column) = &database.columns[usize::from(*column) % database.columns.len()];
        let value = match kind % 5 {
            0 => Value::Null,
            1 => Value::Integer(number(bytes)),
            2 => Value::Real(f64::from_bits(number(bytes).cast_unsigned())),
            3 => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            _ => Value::Blob(bytes.to_vec()),
        };
        let set = format!("UPDATE {table} SET \"{column}\" = ?1");
        // A STRICT table refuses some types: there is nothing to read then.
        if database.connection.execute(&set, [value]).is_err() {
            return;
        }
        for error in database.errors() {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
        }
        // Damage is not remembered: what is whole again counts again.
        database.restore(table);
        assert!(database.errors().next().is_none(), "{table} was put back");
    });
});

fn number(bytes: &[u8]) -> i64 {
    let mut number = [0; 8];
    let length = bytes.len().min(8);
    number[..length].copy_from_slice(&bytes[..length]);
    i64::from_le_bytes(number)
}
