use portcullis_core::key::{KeyId, Revocation};
use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::apply::Touched;
use crate::sqlite::error::Failure;
use crate::sqlite::read;

/// The index alone: it has the id that the key was made with.
pub(in crate::sqlite) const NUMBER: &str = "SELECT number FROM keys WHERE id = ?1";

/// What the key's refusal rests on: nothing reads that has no sum, nothing gives
/// it one again, and it counts nowhere.
const FORGET_SUM: &str = "DELETE FROM key_sums WHERE key = ?1";

const REVOKE: &str = "UPDATE keys SET state = 'revoked', revoked_at = ?2, revoked_why = ?3 \
    WHERE number = ?1";
const END_SECRETS: &str = "UPDATE secrets SET standing = 0 WHERE key = ?1";

macro_rules! recount {
    ($service:literal) => {
        concat!(
            "UPDATE services SET unrevoked = (SELECT count(*) FROM keys \
             WHERE service = services.name AND state IN ('active', 'disabled') \
             AND EXISTS (SELECT 1 FROM key_sums WHERE key = keys.number)) WHERE name = ",
            $service
        )
    };
}

/// Of which service it is may be what is damaged: its counters say it as well.
const RECOUNTS: [&str; 2] = [
    recount!("(SELECT service FROM usage WHERE key = ?1)"),
    recount!("(SELECT service FROM keys WHERE number = ?1)"),
];

/// Ends a key whose record is damaged: takes away its sum, so that it is refused
/// for good wherever it is read, and its place in the quota. The change makes
/// everybody read it. Beyond that its rows are written as far as they can be: one
/// that no index leads to as it stands cannot.
pub(super) fn revoke(
    connection: &Connection,
    id: KeyId,
    revocation: &Revocation,
) -> Result<Touched, Failure> {
    let mut statement = connection.prepare_cached(NUMBER)?;
    let number = statement.query_row([id.as_bytes()], |row| row.get::<_, i64>(0));
    let Some(number) = number.optional()? else {
        let message = format!("there is no key {id}");
        return Err(Failure::new(StoreErrorKind::NotFound, message));
    };
    match unless_damaged(read::key_of_row(connection, number))? {
        Some(key) if key.id == id => {
            let message = format!("the record of key {id} is whole");
            return Err(Failure::new(StoreErrorKind::Conflict, message));
        }
        // Ending what the index leads to would end a key that nobody named.
        Some(key) => {
            let message = format!(
                "the database is damaged: the index of table keys leads from key {id} to key {}",
                key.id
            );
            return Err(Failure::new(StoreErrorKind::Corrupt, message));
        }
        None => {}
    }
    let (at, why) = (revocation.at.as_millis(), revocation.reason.as_str());
    connection.prepare_cached(FORGET_SUM)?.execute([number])?;
    as_far_as_whole(connection, REVOKE, &[&number, &at, &why])?;
    as_far_as_whole(connection, END_SECRETS, &[&number])?;
    for recount in RECOUNTS {
        as_far_as_whole(connection, recount, &[&number])?;
    }
    Ok(Touched::Key(id))
}

/// Does all of it, or nothing where it meets what is damaged: what SQLite did of
/// a statement before it found an index broken it leaves behind.
fn as_far_as_whole(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
) -> Result<(), Failure> {
    connection.execute_batch("SAVEPOINT row")?;
    let written = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(parameters));
    if unless_damaged(written.map_err(Failure::from))?.is_none() {
        connection.execute_batch("ROLLBACK TO row")?;
    }
    Ok(connection.execute_batch("RELEASE row")?)
}

/// Nothing where the rows are damaged: that is why it is asked.
fn unless_damaged<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.kind() == StoreErrorKind::Corrupt => Ok(None),
        Err(failure) => Err(failure),
    }
}
