use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use portcullis_core::clock::Timestamp;
use portcullis_core::key::KeyName;
use portcullis_core::store::{FromStored as _, StoreError, StoreErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::connection::{Depth, open_reader};
use super::error::Failure;
use super::identity::beside;
use super::{history, sums};

refinery::embed_migrations!("migrations/sqlite");

/// What marks a file as ours: `Pcul` at offset 68 of SQLite's header.
pub(super) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"Pcul");

/// The newest schema that this version knows: the last migration's number, and
/// SQLite's `user_version`.
pub(super) const VERSION: i32 = 3;

/// Every table that the current schema has.
const TABLES: [&str; 15] = [
    "anchors",
    "audit",
    "changes",
    "head",
    "key_names",
    "key_scopes",
    "key_sums",
    "keys",
    "roots",
    "secret_usage",
    "secrets",
    "service_sums",
    "services",
    "usage",
    "usage_nodes",
];

/// What a database's header says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing was ever written to it.
    Empty,
    /// Ours, of an older schema or never finished.
    Older,
    /// Ours, of the current schema.
    Current,
}

/// How often a header is read again that looks damaged, and how long to wait.
const PROBES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Reads the header of the file at the path, and nothing else: no lock is
/// taken, no log replayed, nothing written, so that a foreign or newer file
/// stays as it is.
///
/// Without a lock, the file may be read while another process moves its log
/// into it, and then looks damaged: it is looked at again before that is said.
///
/// Beside that it tells the database's birth, where it has one that reads.
pub(super) fn probe(path: &Path) -> Result<(Standing, Option<[u8; 16]>), Failure> {
    let mut found = probe_once(path);
    for _ in 1..PROBES {
        match &found {
            Err(failure) if failure.kind() == StoreErrorKind::Corrupt => {}
            _ => break,
        }
        std::thread::sleep(PAUSE);
        found = probe_once(path);
    }
    found
}

fn probe_once(path: &Path) -> Result<(Standing, Option<[u8; 16]>), Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path, "immutable=1"), flags)?;
    let standing = standing(&connection, path)?;
    Ok((standing, history::birth(&connection).ok()))
}

/// The number of the schema, as the header says it.
pub(super) fn number(connection: &Connection) -> Result<i32, Failure> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// What the header says, as the connection sees it.
pub(super) fn standing(connection: &Connection, path: &Path) -> Result<Standing, Failure> {
    let header = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application =
        header("application_id").map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) if was_left_in_a_write(path) => {
                let message = format!(
                    "the database is damaged: the header of {} is gone, and the journal beside it, \
                     with what stood there before, was never played back",
                    path.display()
                );
                Failure::new(StoreErrorKind::Corrupt, message)
            }
            Some(rusqlite::ErrorCode::NotADatabase) => foreign(path),
            _ => Failure::from(error),
        })?;
    if application == 0 && is_empty(connection).unwrap_or(false) {
        return Ok(Standing::Empty);
    }
    if application != APPLICATION_ID {
        return Err(foreign(path));
    }
    match header("user_version")? {
        VERSION => Ok(Standing::Current),
        older if (0..VERSION).contains(&older) => Ok(Standing::Older),
        newer => Err(Failure::new(
            StoreErrorKind::Newer,
            format!(
                "{} has schema {newer}, written by a newer version: this one knows schemas up to {VERSION}",
                path.display()
            ),
        )),
    }
}

/// Whether nobody ever put anything into the database. A transaction that may
/// write gives an empty one its first page, in memory.
fn is_empty(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let header = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if header("user_version")? != 0 || header("page_count")? > 1 {
        return Ok(false);
    }
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

pub(super) fn foreign(path: &Path) -> Failure {
    let message = format!("{} is not a database of Portcullis", path.display());
    Failure::new(StoreErrorKind::Foreign, message)
}

/// Whether a rollback journal stands beside the file that was not ended: what
/// was written last was interrupted.
fn was_left_in_a_write(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    // SQLite keeps no lock on this file that closing it could drop.
    let mut found = [0; MAGIC.len()];
    let read =
        File::open(beside(path, "-journal")).and_then(|mut file| file.read_exact(&mut found));
    read.is_ok() && found == MAGIC
}

/// Whether somebody has the file to himself, as who migrates it has: nobody
/// else may even read.
pub(super) fn is_being_migrated(path: &Path) -> bool {
    let look = || -> Result<(), Failure> {
        let connection = open_reader(path)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(())
    };
    look().is_err_and(|failure| failure.kind() == StoreErrorKind::Busy)
}

/// Brings an empty or older database to the current schema, over a connection
/// that locks everybody else out until it is closed. `check_older` is one more
/// of the checks before anything of an older one is written.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    check_older: impl FnOnce(&Connection) -> Result<(), Failure>,
) -> Result<(), Failure> {
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Somebody else may have been faster: the lock is held only from here on.
    let found = standing(&transaction, path)?;
    if found == Standing::Empty {
        // By itself, and before the log is switched on: it must stand in the
        // main file whenever anything does, since `probe` looks there.
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if found == Standing::Older {
        check_pages(&transaction)?;
        check_history(&transaction)?;
        check_older(&transaction)?;
    }
    transaction.commit()?;
    // It is whole: closing it may move its log into it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    use_log(connection, path)?;
    if found != Standing::Current {
        add_functions(connection)?;
        // Grouped, so that a migration and the note of it commit together.
        migrations::runner()
            .set_grouped(true)
            .run(connection)
            .map_err(|error| {
                StoreError::with_source(
                    StoreErrorKind::Unavailable,
                    format!("{} cannot be migrated", path.display()),
                    error,
                )
            })?;
        // Only now the schema is the current one: what is interrupted before
        // is found to be older, and begun again.
        let transaction = connection.transaction()?;
        sums::seal_all(&transaction)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Adds what the migrations call.
fn add_functions(connection: &Connection) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("portcullis_fold", 1, flags, |context| {
        // What is no name is said where the key is read.
        let name = context.get_raw(0).as_str().ok();
        let name = name.and_then(|name| KeyName::from_stored(name).ok());
        Ok(name.map(|name| name.folded()))
    })
}

/// A migration writes: it begins with nothing that is damaged already.
pub(super) fn check_pages(connection: &Connection) -> Result<(), Failure> {
    let sql = "PRAGMA integrity_check(1)";
    let verdict: String = connection.query_row(sql, [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        let message = format!("the database is damaged: {verdict}");
        Err(Failure::new(StoreErrorKind::Corrupt, message))
    }
}

/// Switches to a write-ahead log, unless the database has one.
pub(super) fn use_log(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let set = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", set)?;
    if mode == "wal" {
        Ok(())
    } else {
        let message = format!("{} cannot have a write-ahead log: {mode}", path.display());
        Err(Failure::new(StoreErrorKind::Unavailable, message))
    }
}

/// refinery takes for granted that its own table holds what it wrote, and
/// panics where it does not.
fn check_history(connection: &Connection) -> Result<(), Failure> {
    const TABLE: &str = "refinery_schema_history";
    if !connection.table_exists(None, TABLE)? {
        return Ok(());
    }
    let sql = "SELECT version, name, applied_on, checksum FROM refinery_schema_history";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (_, _): (i32, String) = (row.get(0)?, row.get(1)?);
        let time = row.get::<_, String>(2)?.parse::<Timestamp>();
        let checksum = row.get::<_, String>(3)?.parse::<u64>();
        if time.is_err() || checksum.is_err() {
            return Err(damaged(TABLE));
        }
    }
    Ok(())
}

/// Checks that the tables are there, and that the head is that of the rest.
pub(super) fn check(connection: &Connection, depth: Depth) -> Result<(), Failure> {
    // All of one moment: another process may commit between two statements,
    // and what belongs to two moments looks like damage.
    let snapshot = connection.unchecked_transaction()?;
    for table in TABLES {
        if !snapshot.table_exists(None, table)? {
            return Err(damaged(table));
        }
    }
    history::check(&snapshot)?;
    match depth {
        Depth::Whole => sums::verify_total(&snapshot),
        Depth::Bounded => Ok(()),
    }
}

fn damaged(table: &str) -> Failure {
    let message = format!("the database is damaged: table {table} is not as it was made");
    Failure::new(StoreErrorKind::Corrupt, message)
}

/// The path as a URI (RFC 3986, as SQLite reads it) with a query. A file that
/// is `immutable` SQLite takes for unchanging: it takes no locks and looks for
/// no log. With `nolock` it takes no locks.
pub(super) fn uri(path: &Path, query: &str) -> String {
    let mut uri = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                uri.push(char::from(*byte));
            }
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                uri.push('%');
                for digit in [byte >> 4, byte & 0xf] {
                    uri.extend(DIGITS.get(usize::from(digit)).copied().map(char::from));
                }
            }
        }
    }
    uri.push('?');
    uri.push_str(query);
    uri
}

/// Brings an empty database to the current schema, and nothing more.
#[cfg(any(test, feature = "testing"))]
pub(super) fn fill(
    connection: &mut Connection,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    add_functions(connection)?;
    migrations::runner().run(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{VERSION, migrations, uri};

    #[test]
    fn the_version_is_that_of_the_last_migration() {
        let runner = migrations::runner();
        let last = runner
            .get_migrations()
            .iter()
            .map(|migration| migration.version())
            .max();
        assert_eq!(last.map(i64::from), Some(i64::from(VERSION)));
    }

    #[test]
    fn paths_survive_as_uris() {
        let uri = uri(std::path::Path::new("/a b/é?#%.db"), "immutable=1");
        assert_eq!(uri, "file:///a%20b/%C3%A9%3F%23%25.db?immutable=1");
    }
}
