use portcullis_core::key::{KeyId, Revocation};
use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _};

use super::apply::Touched;
use crate::sqlite::error::Failure;
use crate::sqlite::read;

/// The index alone: it has the id that the key was made with.
pub(in crate::sqlite) const NUMBER: &str = "SELECT number FROM keys WHERE id = ?1";

const REVOKE: &str = "UPDATE keys SET state = 'revoked', revoked_at = ?2, revoked_why = ?3 \
    WHERE number = ?1";
const END_SECRETS: &str = "UPDATE secrets SET standing = 0 WHERE key = ?1";
const RECOUNT: &str = "UPDATE services SET unrevoked = (SELECT count(*) FROM keys \
    WHERE service = services.name AND state IN ('active', 'disabled')) \
    WHERE name = (SELECT service FROM keys WHERE number = ?1)";

/// Ends a key whose record is damaged, as far as its rows can be written. Its
/// sum stays that of the record that it was: so it goes on being refused
/// wherever it is read, and the change makes everybody read it.
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
    let execute = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
        let written = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters));
        unless_damaged(written.map_err(Failure::from)).map(drop)
    };
    execute(REVOKE, &[&number, &at, &why])?;
    execute(END_SECRETS, &[&number])?;
    execute(RECOUNT, &[&number])?;
    Ok(Touched::Key(id))
}

/// Nothing where the rows are damaged: that is why it is asked.
fn unless_damaged<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.kind() == StoreErrorKind::Corrupt => Ok(None),
        Err(failure) => Err(failure),
    }
}
