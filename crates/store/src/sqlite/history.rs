//! Whether the head, the newest change and the newest event agree. They are
//! written together, to pages of their own: a file whose pages are not all of
//! one moment is found here.

use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _};

use super::error::Failure;
use super::read::{self, HeadRow};
use super::row::stored;

const NEWEST_CHANGE: &str = "SELECT revision, tag FROM changes ORDER BY number DESC LIMIT 1";
const NEWEST_EVENT: &str = "SELECT sequence, mac FROM audit ORDER BY sequence DESC LIMIT 1";

/// Reads the head, and compares it with what it stands for.
pub(super) fn check(connection: &Connection) -> Result<HeadRow, Failure> {
    let row = read::head(connection)?;
    let head = (
        stored(row.head.revision.count()),
        row.head.tag.cast_signed(),
    );
    let change = connection
        .prepare_cached(NEWEST_CHANGE)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // The newest change is never forgotten.
    if change != Some(head) {
        return Err(torn("head", "the newest change"));
    }
    let audit = (stored(row.audit.sequence), row.audit.mac);
    let event: Option<(i64, [u8; 32])> = connection
        .prepare_cached(NEWEST_EVENT)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // Who prunes a trail tells of it there: one that was begun is never empty.
    let begun = row.audit.sequence > 0;
    if event.is_some() == begun && event.is_none_or(|event| event == audit) {
        Ok(row)
    } else {
        Err(torn("head", "the newest audit event"))
    }
}

/// The name that this database was given when it was made.
pub(super) fn birth(connection: &Connection) -> Result<[u8; 16], Failure> {
    let sql = "SELECT birth FROM head WHERE one = 1";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// The life that this file has: random, and another one in each place that it
/// was put into.
pub(super) fn life(connection: &Connection) -> Result<[u8; 16], Failure> {
    let sql = "SELECT life FROM head WHERE one = 1";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Begins another life: what was noted of the former one does not speak of it.
pub(super) fn begin_life(connection: &Connection) -> Result<(), Failure> {
    connection.execute("UPDATE head SET life = randomblob(16) WHERE one = 1", [])?;
    Ok(())
}

fn torn(table: &str, other: &str) -> Failure {
    let message = format!("the database is damaged: table {table} does not agree with {other}");
    Failure::new(StoreErrorKind::Corrupt, message)
}
