use std::collections::BTreeSet;

use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, Secret};
use rusqlite::Connection;

use crate::sqlite::error::Failure;
use crate::sqlite::quota;

const ADD_SECRET: &str = "INSERT INTO secrets (key, number, digest, root, issuer, created_at, \
    ends_at, standing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Digest and root stay: they change by a redigest alone.
const KEEP_SECRET: &str = "UPDATE secrets SET issuer = ?3, created_at = ?4, ends_at = ?5, \
    standing = ?6 WHERE key = ?1 AND number = ?2";

/// Adds the secrets of a new key.
pub(super) fn add(connection: &Connection, number: i64, key: &Key) -> Result<(), Failure> {
    let mut all = key.secrets.iter();
    all.try_for_each(|secret| add_one(connection, number, key, secret))
}

/// Keeps the secrets that are in the record, with what was counted of them,
/// adds the new ones and removes the others.
pub(super) fn replace(connection: &Connection, number: i64, key: &Key) -> Result<(), Failure> {
    let mut gone = numbers(connection, number)?;
    for secret in &key.secrets {
        if !gone.remove(&i64::from(secret.number)) {
            add_one(connection, number, key, secret)?;
            continue;
        }
        connection.prepare_cached(KEEP_SECRET)?.execute((
            number,
            secret.number,
            secret.issuer.as_str(),
            secret.created_at.as_millis(),
            secret.ends_at.map(Timestamp::as_millis),
            quota::counts(&key.state),
        ))?;
    }
    for secret in gone {
        for sql in [
            "DELETE FROM secrets WHERE key = ?1 AND number = ?2",
            "DELETE FROM secret_usage WHERE key = ?1 AND number = ?2",
        ] {
            connection.prepare_cached(sql)?.execute((number, secret))?;
        }
    }
    Ok(())
}

fn add_one(
    connection: &Connection,
    number: i64,
    key: &Key,
    secret: &Secret,
) -> Result<(), Failure> {
    connection.prepare_cached(ADD_SECRET)?.execute((
        number,
        secret.number,
        secret.digest.as_bytes(),
        secret.root.as_str(),
        secret.issuer.as_str(),
        secret.created_at.as_millis(),
        secret.ends_at.map(Timestamp::as_millis),
        quota::counts(&key.state),
    ))?;
    connection
        .prepare_cached("INSERT INTO secret_usage (key, number) VALUES (?1, ?2)")?
        .execute((number, secret.number))?;
    Ok(())
}

fn numbers(connection: &Connection, key: i64) -> Result<BTreeSet<i64>, Failure> {
    let mut statement = connection.prepare_cached("SELECT number FROM secrets WHERE key = ?1")?;
    let numbers = statement.query_map([key], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}
