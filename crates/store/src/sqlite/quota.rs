use portcullis_core::clock::Timestamp;
use portcullis_core::key::KeyState;
use portcullis_core::service::ServiceName;
use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _};

use super::error::Failure;
use super::row::{Fields, stored};

/// Live keys without an end, and those that end later; no more than are asked
/// for.
const LIVE: &str = "SELECT count(*) FROM (\
    SELECT 1 FROM keys WHERE service = ?1 AND state = 'active' AND expires_at IS NULL UNION ALL \
    SELECT 1 FROM keys WHERE service = ?1 AND state = 'active' AND expires_at > ?2 UNION ALL \
    SELECT 1 FROM keys WHERE service = ?1 AND state = 'disabled' AND expires_at IS NULL UNION ALL \
    SELECT 1 FROM keys WHERE service = ?1 AND state = 'disabled' AND expires_at > ?2 LIMIT ?3)";

/// Expired keys that were not revoked; no more than are asked for.
const EXPIRED: &str = "SELECT count(*) FROM (\
    SELECT 1 FROM keys WHERE service = ?1 AND state = 'active' AND expires_at <= ?2 UNION ALL \
    SELECT 1 FROM keys WHERE service = ?1 AND state = 'disabled' AND expires_at <= ?2 LIMIT ?3)";

const ROOM: &str =
    "SELECT quota, unrevoked, retired_at IS NOT NULL AS retired FROM services WHERE name = ?1";

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 3] = [LIVE, EXPIRED, ROOM];

/// Fails where the service is retired, or as many keys are live as its quota
/// allows. Below that many unrevoked ones nothing is counted; above, whichever
/// count ends earlier.
pub(super) fn check(
    connection: &Connection,
    service: &ServiceName,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached(ROOM)?;
    let room = statement.query_row([service.as_str()], |row| {
        let fields = Fields::new(row, "services", service);
        let read = || -> Result<(u32, u64, bool), Failure> {
            let (quota, unrevoked) = (fields.number("quota")?, fields.number("unrevoked")?);
            Ok((quota, unrevoked, fields.value("retired")?))
        };
        Ok(read())
    });
    let Some((quota, unrevoked, retired)) = room.optional()?.transpose()? else {
        let message = format!("there is no service {service}");
        return Err(Failure::new(StoreErrorKind::NotFound, message));
    };
    if retired {
        let message = format!("service {service} is retired");
        return Err(Failure::new(StoreErrorKind::Retired, message));
    }
    let Some(surplus) = unrevoked.checked_sub(u64::from(quota)) else {
        return Ok(());
    };
    let count = |sql: &str, most: u64| -> Result<u64, Failure> {
        let parameters = (service.as_str(), now.as_millis(), stored(most));
        let counted: i64 = connection
            .prepare_cached(sql)?
            .query_row(parameters, |row| row.get(0))?;
        Ok(u64::try_from(counted).unwrap_or(0))
    };
    let full = if u64::from(quota) <= surplus {
        count(LIVE, u64::from(quota))? >= u64::from(quota)
    } else {
        count(EXPIRED, surplus.saturating_add(1))? <= surplus
    };
    if full {
        let message = format!("service {service} holds {quota} live keys, its quota");
        return Err(Failure::new(StoreErrorKind::QuotaReached, message));
    }
    Ok(())
}

/// Takes a key's state before and after a change into account.
pub(super) fn recount(
    connection: &Connection,
    service: &ServiceName,
    before: bool,
    after: bool,
) -> Result<(), Failure> {
    let change = i64::from(after) - i64::from(before);
    if change != 0 {
        connection
            .prepare_cached("UPDATE services SET unrevoked = unrevoked + ?2 WHERE name = ?1")?
            .execute((service.as_str(), change))?;
    }
    Ok(())
}

/// Whether a key of this state takes room while it has not expired.
pub(super) fn counts(state: &KeyState) -> bool {
    !matches!(state, KeyState::Revoked(_))
}
