use portcullis_core::clock::Timestamp;
use portcullis_core::keyring::RootName;
use portcullis_core::store::{Redigest, RootCheck, RootUse, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension as _};

use super::error::Failure;
use super::row::Fields;
use super::sums;

/// Standing secrets of a root. Those of a key without a sum are refused for
/// good (see [`super::change`]), whatever their rows say.
macro_rules! secrets {
    ($root:literal, $end:literal) => {
        concat!(
            "(SELECT count(*) FROM secrets WHERE standing = 1 AND ",
            $root,
            " = ?1 AND ",
            $end,
            " AND EXISTS (SELECT 1 FROM key_sums WHERE key_sums.key = secrets.key))"
        )
    };
}

/// Standing secrets without an end, and those that end later.
const USE: &str = concat!(
    "SELECT ",
    secrets!("root", "ends_at IS NULL"),
    " + ",
    secrets!("root", "ends_at > ?2"),
    " AS digests, ",
    secrets!("issuer", "ends_at IS NULL"),
    " + ",
    secrets!("issuer", "ends_at > ?2"),
    " AS tokens"
);

const NUMBER: &str = "SELECT number FROM keys WHERE id = ?1";

const REDIGEST: &str = "UPDATE secrets SET digest = ?4, root = ?5 \
    WHERE key = ?1 AND number = ?2 AND digest = ?3 \
    AND NOT EXISTS (SELECT 1 FROM roots WHERE name = ?5 AND retired = 1)";

const RETIRED: &str = "SELECT 1 FROM roots WHERE name = ?1 AND retired = 1";

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 4] = [USE, NUMBER, REDIGEST, RETIRED];

/// Remembers the roots that are new, and returns all.
pub(super) fn remember(
    connection: &Connection,
    checks: &[RootCheck],
) -> Result<Vec<RootCheck>, Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO roots (name, check_mac) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for RootCheck { name, check, .. } in checks {
        insert.execute((name.as_str(), check))?;
    }
    all(connection)
}

/// Every root that is remembered, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<RootCheck>, Failure> {
    let sql = "SELECT name, check_mac, retired FROM roots ORDER BY name";
    let mut all = connection.prepare_cached(sql)?;
    let mut rows = all.query([])?;
    let mut roots = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = Fields::new(row, "roots", &"of an unreadable name").value("name")?;
        let fields = Fields::new(row, "roots", &name);
        roots.push(RootCheck {
            name: fields.text("name")?,
            check: fields.value("check_mac")?,
            retired: fields.value("retired")?,
        });
    }
    Ok(roots)
}

/// Counts what stands under a root, in the indexes and the sums alone.
pub(super) fn usage(
    connection: &Connection,
    name: &RootName,
    now: Timestamp,
) -> Result<RootUse, Failure> {
    let mut statement = connection.prepare_cached(USE)?;
    let counted = statement.query_row((name.as_str(), now.as_millis()), |row| {
        let fields = Fields::new(row, "secrets", name);
        Ok(fields.number("digests").and_then(|digests| {
            let tokens = fields.number("tokens")?;
            Ok(RootUse { digests, tokens })
        }))
    });
    counted?
}

/// Refuses what is signed under a root that is retired.
pub(super) fn check_standing(connection: &Connection, name: &RootName) -> Result<(), Failure> {
    let retired = connection
        .prepare_cached(RETIRED)?
        .exists([name.as_str()])?;
    if retired {
        let message = format!("root {name} is retired: nothing is made under it any more");
        return Err(Failure::new(StoreErrorKind::Retired, message));
    }
    Ok(())
}

/// Marks a root as retired, unless something stands under it.
pub(super) fn retire(
    connection: &Connection,
    name: &RootName,
    now: Timestamp,
) -> Result<(), Failure> {
    let known = connection
        .prepare_cached("SELECT 1 FROM roots WHERE name = ?1")?
        .exists([name.as_str()])?;
    if !known {
        let message = format!("nothing was ever made under root {name} here");
        return Err(Failure::new(StoreErrorKind::NotFound, message));
    }
    let used = usage(connection, name, now)?;
    if used != RootUse::default() {
        let message = format!(
            "root {name} is in use: {} digests were made under it, and {} tokens bear its tag",
            used.digests, used.tokens
        );
        return Err(Failure::new(StoreErrorKind::InUse, message));
    }
    connection
        .prepare_cached("UPDATE roots SET retired = 1 WHERE name = ?1")?
        .execute([name.as_str()])?;
    Ok(())
}

/// Replaces digests, each where the old one still stands.
pub(super) fn redigest(connection: &Connection, batch: &[Redigest]) -> Result<u64, Failure> {
    let mut number = connection.prepare_cached(NUMBER)?;
    let mut statement = connection.prepare_cached(REDIGEST)?;
    let mut replaced = 0_u64;
    for Redigest {
        key,
        secret,
        old,
        new,
        root,
    } in batch
    {
        let number = number.query_row([key.as_bytes()], |row| row.get::<_, i64>(0));
        let Some(number) = number.optional()? else {
            continue;
        };
        // A record that is damaged must not be taken for whole from now on.
        sums::verify_key(connection, number, *key)?;
        let (old, new) = (old.as_bytes(), new.as_bytes());
        if statement.execute((number, secret, old, new, root.as_str()))? > 0 {
            sums::seal_key(connection, number)?;
            replaced = replaced.saturating_add(1);
        }
    }
    Ok(replaced)
}
