//! What a record's rows add up to: written with every change, compared by every
//! read.
//!
//! SQLite does not notice a bit that changed in a page. A record whose rows do
//! not add up is [`StoreErrorKind::Corrupt`], and so never a revoked key that
//! counts again. The sums stand in tables of their own, and the head row has all
//! of them in one: a page that is older than the rest of the file does not match
//! what stands elsewhere.
//!
//! A sum is the beginning of SHA-256 over the name and value of every column
//! that is not null. So a column that a later migration adds is part of it
//! without any change here, and one that is null for all rows changes no sum.

use std::fmt;

use portcullis_core::key::KeyId;
use portcullis_core::service::ServiceName;
use portcullis_core::store::StoreErrorKind;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, Rows};
use sha2::{Digest as _, Sha256};

use super::error::Failure;

const KEY: &str = "SELECT * FROM keys WHERE number = ?1";
const SECRETS: &str = "SELECT * FROM secrets WHERE key = ?1 ORDER BY number";
const KEY_SUM: &str = "SELECT sum FROM key_sums WHERE key = ?1";
const SERVICE: &str = "SELECT * FROM services WHERE name = ?1";
const SERVICE_SUM: &str = "SELECT sum FROM service_sums WHERE service = ?1";

/// Moves with the service's keys, and is counted again by a check.
const COUNTER: &str = "unrevoked";

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 5] = [KEY, SECRETS, KEY_SUM, SERVICE, SERVICE_SUM];

/// Notes what the key of this row number adds up to. Whoever writes to `keys`
/// or `secrets` calls it last.
pub(super) fn seal_key(connection: &Connection, number: i64) -> Result<(), Failure> {
    let (_, sum) = key(connection, number)?;
    connection
        .prepare_cached(
            "INSERT INTO key_sums (key, sum) VALUES (?1, ?2) \
             ON CONFLICT (key) DO UPDATE SET sum = excluded.sum",
        )?
        .execute((number, sum))?;
    Ok(())
}

/// The same for whoever writes to `services`.
pub(super) fn seal_service(connection: &Connection, name: &str) -> Result<(), Failure> {
    let sum = service(connection, name)?;
    connection
        .prepare_cached(
            "INSERT INTO service_sums (service, sum) VALUES (?1, ?2) \
             ON CONFLICT (service) DO UPDATE SET sum = excluded.sum",
        )?
        .execute((name, sum))?;
    Ok(())
}

/// Checks that the row of this number is the key's, and is as it was written.
pub(super) fn verify_key(connection: &Connection, number: i64, id: KeyId) -> Result<(), Failure> {
    let (stored_id, sum) = key(connection, number)?;
    let mut statement = connection.prepare_cached(KEY_SUM)?;
    let noted = statement.query_row([number], |row| row.get::<_, i64>(0));
    if noted.optional()? == Some(sum) && stored_id == *id.as_bytes() {
        Ok(())
    } else {
        Err(altered("keys", &id))
    }
}

/// Checks that a service's row is as it was written.
pub(super) fn verify_service(connection: &Connection, name: &ServiceName) -> Result<(), Failure> {
    let sum = service(connection, name.as_str())?;
    let mut statement = connection.prepare_cached(SERVICE_SUM)?;
    let noted = statement.query_row([name.as_str()], |row| row.get::<_, i64>(0));
    if noted.optional()? == Some(sum) {
        Ok(())
    } else {
        Err(altered("services", name))
    }
}

/// Adds up every record that is there: what a migration has left.
pub(super) fn seal_all(connection: &Connection) -> Result<(), Failure> {
    let mut numbers = connection.prepare("SELECT number FROM keys ORDER BY number")?;
    let mut rows = numbers.query([])?;
    while let Some(row) = rows.next()? {
        seal_key(connection, row.get(0)?)?;
    }
    let mut names = connection.prepare("SELECT name FROM services ORDER BY name")?;
    let names = names.query_map([], |row| row.get::<_, String>(0))?;
    // Gathered first: services are few, and their rows are what is read.
    for name in names.collect::<Result<Vec<_>, _>>()? {
        seal_service(connection, &name)?;
    }
    let total = total(connection)?;
    connection.execute("UPDATE head SET sums = ?1", [total])?;
    Ok(())
}

/// Checks that the sums are all of the moment that the head is of. It reads
/// every sum, and no record: 16 bytes or so for each.
pub(super) fn verify_total(connection: &Connection) -> Result<(), Failure> {
    let noted: i64 = connection.query_row("SELECT sums FROM head", [], |row| row.get(0))?;
    if noted == total(connection)? {
        Ok(())
    } else {
        let message = "the database is damaged: its pages are not all of the same moment";
        Err(Failure::new(StoreErrorKind::Corrupt, message))
    }
}

fn total(connection: &Connection) -> Result<i64, Failure> {
    let mut total = 0;
    for sql in ["SELECT sum FROM key_sums", "SELECT sum FROM service_sums"] {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            total ^= row.get::<_, i64>(0)?;
        }
    }
    Ok(total)
}

/// A key's stored id, and the sum of its row and its secrets' rows.
fn key(connection: &Connection, number: i64) -> Result<([u8; 16], i64), Failure> {
    let mut sum = Sum::new();
    let mut statement = connection.prepare_cached(KEY)?;
    let id = statement.query_row([number], |row| {
        sum.row(row)?;
        row.get("id")
    })?;
    let mut statement = connection.prepare_cached(SECRETS)?;
    sum.rows(statement.query([number])?)?;
    Ok((id, sum.finish()))
}

fn service(connection: &Connection, name: &str) -> Result<i64, Failure> {
    let mut sum = Sum::new();
    let mut statement = connection.prepare_cached(SERVICE)?;
    sum.rows(statement.query([name])?)?;
    Ok(sum.finish())
}

/// What is added up, gathered so that it is hashed at once.
struct Sum(Vec<u8>);

impl Sum {
    fn new() -> Self {
        Self(Vec::with_capacity(1_024))
    }

    fn rows(&mut self, mut rows: Rows<'_>) -> Result<(), Failure> {
        while let Some(row) = rows.next()? {
            self.row(row)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), rusqlite::Error> {
        let columns = row.as_ref();
        for at in 0..columns.column_count() {
            let value = row.get_ref(at)?;
            let name = columns.column_name(at)?;
            if name == COUNTER {
                continue;
            }
            match value {
                ValueRef::Null => {}
                ValueRef::Integer(value) => self.value(name, 1, &value.to_be_bytes()),
                ValueRef::Real(value) => self.value(name, 2, &value.to_be_bytes()),
                ValueRef::Text(value) => self.value(name, 3, value),
                ValueRef::Blob(value) => self.value(name, 4, value),
            }
        }
        // What ends a row, so that no value moves from one to the next unseen.
        self.0.push(0);
        Ok(())
    }

    /// Lengths come before what they measure: no two rows are written alike.
    fn value(&mut self, name: &str, kind: u8, value: &[u8]) {
        self.0.push(kind);
        for part in [name.as_bytes(), value] {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            self.0.extend_from_slice(&length.to_be_bytes());
            self.0.extend_from_slice(part);
        }
    }

    fn finish(self) -> i64 {
        beginning(&Sha256::digest(&self.0))
    }
}

/// The first eight bytes of a hash, as SQLite keeps a number.
pub(super) fn beginning(hash: &[u8]) -> i64 {
    hash.first_chunk()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

fn altered(table: &str, id: &dyn fmt::Display) -> Failure {
    let message =
        format!("the database is damaged: table {table}, row {id} is not as it was written");
    Failure::new(StoreErrorKind::Corrupt, message)
}
