use std::time::Duration;

use portcullis_core::clock::Timestamp;
use portcullis_core::key::KeyId;
use portcullis_core::store::RootCheck;
use portcullis_core::usage::{Usage, UsageBatch};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::error::Failure;
use super::row::{Fields, stored};

/// How long a node's last batch number is remembered after its last batch.
const NODE_MEMORY: Duration = Duration::from_secs(30 * 86_400);

/// Adds to the counters of a key that exists. A sum that no longer fits becomes
/// a float in SQLite, of which the smaller is taken: the greatest integer.
const ADD: &str = "INSERT INTO usage (key, granted, refused, throttled, last_used_at) \
    SELECT number, ?2, ?3, ?4, ?5 FROM keys WHERE id = ?1 \
    ON CONFLICT (key) DO UPDATE SET \
        granted = min(9223372036854775807, granted + excluded.granted), \
        refused = min(9223372036854775807, refused + excluded.refused), \
        throttled = min(9223372036854775807, throttled + excluded.throttled), \
        last_used_at = coalesce(max(last_used_at, excluded.last_used_at), \
                                last_used_at, excluded.last_used_at)";

/// Adds a batch, unless it or a later one of its node was added before.
pub(super) fn add(connection: &Connection, batch: &UsageBatch) -> Result<(), Failure> {
    if !take_number(connection, batch)? {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(ADD)?;
    for delta in &batch.rows {
        let Usage {
            granted,
            refused,
            throttled,
            last_used_at,
        } = delta.usage;
        statement.execute((
            delta.key.as_bytes(),
            stored(granted),
            stored(refused),
            stored(throttled),
            last_used_at.map(Timestamp::as_millis),
        ))?;
    }
    Ok(())
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
pub(super) fn usage(connection: &mut Connection, keys: &[KeyId]) -> Result<Vec<Usage>, Failure> {
    let snapshot = connection.transaction()?;
    let mut statement = snapshot.prepare_cached(
        "SELECT granted, refused, throttled, last_used_at \
         FROM usage JOIN keys ON keys.number = usage.key WHERE keys.id = ?1",
    )?;
    let mut all = Vec::with_capacity(keys.len());
    for id in keys {
        let found = statement.query_row([id.as_bytes()], |row| Ok(usage_row(row, *id)));
        all.push(found.optional()?.transpose()?.unwrap_or_default());
    }
    Ok(all)
}

fn usage_row(row: &Row<'_>, id: KeyId) -> Result<Usage, Failure> {
    let fields = Fields::new(row, "usage", &id);
    Ok(Usage {
        granted: fields.number("granted")?,
        refused: fields.number("refused")?,
        throttled: fields.number("throttled")?,
        last_used_at: fields.optional_time("last_used_at")?,
    })
}

/// Remembers the roots that are new, and returns all.
pub(super) fn remember_roots(
    connection: &Connection,
    checks: &[RootCheck],
) -> Result<Vec<RootCheck>, Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO roots (name, check_mac) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for RootCheck { name, check } in checks {
        insert.execute((name.as_str(), check))?;
    }
    let mut all = connection.prepare_cached("SELECT name, check_mac FROM roots ORDER BY name")?;
    let mut rows = all.query([])?;
    let mut roots = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = Fields::new(row, "roots", &"of an unreadable name").value("name")?;
        let fields = Fields::new(row, "roots", &name);
        roots.push(RootCheck {
            name: fields.text("name")?,
            check: fields.value("check_mac")?,
        });
    }
    Ok(roots)
}
