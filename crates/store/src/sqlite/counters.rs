use std::fmt;
use std::time::Duration;

use portcullis_core::clock::Timestamp;
use portcullis_core::key::KeyId;
use portcullis_core::usage::{
    AddressClass, KeyUsage, Refusals, SecretUsage, Usage, UsageBatch, UsageDelta,
};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::error::Failure;
use super::row::{Fields, stored};

/// How long a node's last batch number is remembered after its last batch.
const NODE_MEMORY: Duration = Duration::from_secs(30 * 86_400);

/// Adds to the counters of a row. A sum that no longer fits becomes a float in
/// SQLite, of which the smaller is taken: the greatest integer.
macro_rules! add {
    ($table:literal, $where:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            "granted = min(9223372036854775807, granted + ?1), ",
            "refused_ended = min(9223372036854775807, refused_ended + ?2), ",
            "refused_foreign = min(9223372036854775807, refused_foreign + ?3), ",
            "refused_address = min(9223372036854775807, refused_address + ?4), ",
            "refused_permission = min(9223372036854775807, refused_permission + ?5), ",
            "throttled = min(9223372036854775807, throttled + ?6), ",
            "last_address = iif(?7 > coalesce(last_used_at, -1), ?8, last_address), ",
            "last_used_at = iif(?7 > coalesce(last_used_at, -1), ?7, last_used_at) ",
            "WHERE ",
            $where
        )
    };
}

macro_rules! select_usage {
    ($rest:literal) => {
        concat!(
            "SELECT granted, refused_ended, refused_foreign, refused_address, \
             refused_permission, throttled, last_used_at, last_address",
            $rest
        )
    };
}

const NUMBER: &str = "SELECT number FROM keys WHERE id = ?1";
const ADD_TO_KEY: &str = add!("usage", "key = ?9 AND ?10 IS NULL");
const ADD_TO_SECRET: &str = add!("secret_usage", "key = ?9 AND number = ?10");
const OF_KEY: &str = select_usage!(" FROM usage WHERE key = ?1");
const OF_SECRETS: &str = select_usage!(", number FROM secret_usage WHERE key = ?1 ORDER BY number");

/// How many times as many keys as asked for are compared by how much they were
/// used: those used last.
const RECENT: u32 = 10;
const MOST_USED: &str = "SELECT id FROM \
    (SELECT key, granted FROM usage WHERE last_used_at IS NOT NULL \
     ORDER BY last_used_at DESC LIMIT ?1) AS recent \
    JOIN keys ON keys.number = recent.key WHERE granted > 0 ORDER BY granted DESC LIMIT ?2";

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 5] = [NUMBER, ADD_TO_KEY, ADD_TO_SECRET, OF_KEY, OF_SECRETS];

/// Adds a batch, unless it or a later one of its node was added before.
pub(super) fn add(connection: &Connection, batch: &UsageBatch) -> Result<(), Failure> {
    if take_number(connection, batch)? {
        for delta in &batch.rows {
            add_delta(connection, delta)?;
        }
    }
    Ok(())
}

/// Adds to a key that exists, and to the secret if the record has it.
fn add_delta(connection: &Connection, delta: &UsageDelta) -> Result<(), Failure> {
    let Some(key) = number(connection, delta.key)? else {
        return Ok(());
    };
    let Usage {
        granted,
        refused,
        throttled,
        last_used_at,
        last_address,
    } = delta.usage;
    let last_used_at = last_used_at.map(Timestamp::as_millis);
    let last_address = last_address.map(AddressClass::as_str);
    for (sql, secret) in [(ADD_TO_KEY, None), (ADD_TO_SECRET, Some(delta.secret))] {
        connection.prepare_cached(sql)?.execute((
            stored(granted),
            stored(refused.ended),
            stored(refused.foreign),
            stored(refused.address),
            stored(refused.permission),
            stored(throttled),
            last_used_at,
            last_address,
            key,
            secret,
        ))?;
    }
    Ok(())
}

fn number(connection: &Connection, id: KeyId) -> Result<Option<i64>, Failure> {
    let mut statement = connection.prepare_cached(NUMBER)?;
    let number = statement.query_row([id.as_bytes()], |row| row.get(0));
    Ok(number.optional()?)
}

/// Notes the batch's number; false where the node was there before.
fn take_number(connection: &Connection, batch: &UsageBatch) -> Result<bool, Failure> {
    let (node, number, at) = (
        batch.node.as_bytes(),
        stored(batch.number),
        batch.at.as_millis(),
    );
    let mut last = connection.prepare_cached("SELECT number FROM usage_nodes WHERE node = ?1")?;
    match last
        .query_row([node], |row| row.get::<_, i64>(0))
        .optional()?
    {
        Some(last) if last >= number => return Ok(false),
        Some(_) => {
            connection
                .prepare_cached("UPDATE usage_nodes SET number = ?2, at = ?3 WHERE node = ?1")?
                .execute((node, number, at))?;
        }
        None => {
            let memory = i64::try_from(NODE_MEMORY.as_millis()).unwrap_or(i64::MAX);
            connection
                .prepare_cached("DELETE FROM usage_nodes WHERE at < ?1")?
                .execute([at.saturating_sub(memory)])?;
            connection
                .prepare_cached("INSERT INTO usage_nodes (node, number, at) VALUES (?1, ?2, ?3)")?
                .execute((node, number, at))?;
        }
    }
    Ok(true)
}

/// Reads the counters of the keys, in one snapshot.
pub(super) fn usage(connection: &mut Connection, keys: &[KeyId]) -> Result<Vec<KeyUsage>, Failure> {
    let snapshot = connection.transaction()?;
    let of = |id: &KeyId| match number(&snapshot, *id)? {
        Some(key) => usage_of(&snapshot, *id, key),
        None => Ok(KeyUsage::default()),
    };
    keys.iter().map(of).collect()
}

fn usage_of(connection: &Connection, id: KeyId, key: i64) -> Result<KeyUsage, Failure> {
    let mut statement = connection.prepare_cached(OF_KEY)?;
    let total = statement.query_row([key], |row| Ok(counters(row, "usage", &id)));
    let mut statement = connection.prepare_cached(OF_SECRETS)?;
    let mut rows = statement.query([key])?;
    let mut secrets = Vec::new();
    while let Some(row) = rows.next()? {
        secrets.push(SecretUsage {
            number: Fields::new(row, "secret_usage", &id).number("number")?,
            usage: counters(row, "secret_usage", &id)?,
        });
    }
    Ok(KeyUsage {
        total: total.optional()?.transpose()?.unwrap_or_default(),
        secrets,
    })
}

/// Reads the counters of a row of `usage` or `secret_usage`.
pub(super) fn counters(
    row: &Row<'_>,
    table: &'static str,
    id: &dyn fmt::Display,
) -> Result<Usage, Failure> {
    let fields = Fields::new(row, table, id);
    Ok(Usage {
        granted: fields.number("granted")?,
        refused: Refusals {
            ended: fields.number("refused_ended")?,
            foreign: fields.number("refused_foreign")?,
            address: fields.number("refused_address")?,
            permission: fields.number("refused_permission")?,
        },
        throttled: fields.number("throttled")?,
        last_used_at: fields.optional_time("last_used_at")?,
        last_address: fields.optional_text("last_address")?,
    })
}

/// The keys used most among those used last.
pub(super) fn most_used(connection: &Connection, limit: u32) -> Result<Vec<KeyId>, Failure> {
    let recent = i64::from(limit).saturating_mul(i64::from(RECENT));
    let mut statement = connection.prepare_cached(MOST_USED)?;
    let ids = statement.query_map((recent, limit), |row| row.get("id").map(KeyId::from_bytes))?;
    Ok(ids.collect::<Result<_, _>>()?)
}
