use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, KeyState};
use portcullis_core::service::ServiceName;
use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _};

use super::error::Failure;
use super::row::{Fields, stored};

/// Keys of the service and one state. One without a sum is refused for good
/// (see [`super::change`]) and takes no room, whatever its row says.
macro_rules! keys {
    ($state:literal, $expiry:literal) => {
        concat!(
            "SELECT 1 FROM keys WHERE service = ?1 AND state = '",
            $state,
            "' AND ",
            $expiry,
            " AND EXISTS (SELECT 1 FROM key_sums WHERE key = keys.number)"
        )
    };
}

/// Live keys without an end, and those that end later; no more than are asked
/// for.
const LIVE: &str = concat!(
    "SELECT count(*) FROM (",
    keys!("active", "expires_at IS NULL"),
    " UNION ALL ",
    keys!("active", "expires_at > ?2"),
    " UNION ALL ",
    keys!("disabled", "expires_at IS NULL"),
    " UNION ALL ",
    keys!("disabled", "expires_at > ?2"),
    " LIMIT ?3)"
);

/// Expired keys that were not revoked; no more than are asked for.
const EXPIRED: &str = concat!(
    "SELECT count(*) FROM (",
    keys!("active", "expires_at <= ?2"),
    " UNION ALL ",
    keys!("disabled", "expires_at <= ?2"),
    " LIMIT ?3)"
);

const ROOM: &str =
    "SELECT quota, unrevoked, retired_at IS NOT NULL AS retired FROM services WHERE name = ?1";

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 3] = [LIVE, EXPIRED, ROOM];

/// What a stored key takes of its service's quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Whether it is not revoked.
    pub(super) counted: bool,
    /// From when on it takes none.
    pub(super) expires_at: Option<Timestamp>,
}

impl Room {
    fn is_taken(self, now: Timestamp) -> bool {
        self.counted && self.expires_at.is_none_or(|end| end > now)
    }

    /// [`Key::takes_more_room_than`] of the record that this was read from.
    pub(super) fn grows(self, next: &Key, now: Timestamp) -> bool {
        let later = match (self.expires_at, next.expires_at) {
            (Some(before), Some(after)) => after > before,
            (Some(_), None) => true,
            (None, _) => false,
        };
        next.takes_room(now) && (later || !self.is_taken(now))
    }
}

/// Fails where the service is retired, or as many keys are live as its quota
/// allows.
pub(super) fn check_creation(
    connection: &Connection,
    service: &ServiceName,
    now: Timestamp,
) -> Result<(), Failure> {
    let held = Held::read(connection, service)?;
    if held.retired {
        let message = format!("service {service} is retired");
        return Err(Failure::new(StoreErrorKind::Retired, message));
    }
    held.check(connection, service, now, 0)
}

/// Fails where as many keys are live as the quota allows, beside the one whose
/// record takes this room.
pub(super) fn check_update(
    connection: &Connection,
    service: &ServiceName,
    now: Timestamp,
    own: Room,
) -> Result<(), Failure> {
    let held = Held::read(connection, service)?;
    held.check(connection, service, now, u64::from(own.is_taken(now)))
}

/// What a service's row says of its quota.
struct Held {
    quota: u32,
    unrevoked: u64,
    retired: bool,
}

impl Held {
    fn read(connection: &Connection, service: &ServiceName) -> Result<Self, Failure> {
        let mut statement = connection.prepare_cached(ROOM)?;
        let held = statement.query_row([service.as_str()], |row| {
            let fields = Fields::new(row, "services", service);
            let read = || -> Result<Self, Failure> {
                Ok(Self {
                    quota: fields.number("quota")?,
                    unrevoked: fields.number("unrevoked")?,
                    retired: fields.value("retired")?,
                })
            };
            Ok(read())
        });
        held.optional()?.transpose()?.ok_or_else(|| {
            let message = format!("there is no service {service}");
            Failure::new(StoreErrorKind::NotFound, message)
        })
    }

    /// Fails where as many keys are live as the quota allows, beside `own` of
    /// them. Below that many unrevoked ones nothing is counted; above,
    /// whichever count ends earlier.
    fn check(
        &self,
        connection: &Connection,
        service: &ServiceName,
        now: Timestamp,
        own: u64,
    ) -> Result<(), Failure> {
        let bound = u64::from(self.quota).saturating_add(own);
        let Some(surplus) = self.unrevoked.checked_sub(bound) else {
            return Ok(());
        };
        let count = |sql: &str, most: u64| -> Result<u64, Failure> {
            let parameters = (service.as_str(), now.as_millis(), stored(most));
            let counted: i64 = connection
                .prepare_cached(sql)?
                .query_row(parameters, |row| row.get(0))?;
            Ok(u64::try_from(counted).unwrap_or(0))
        };
        let full = if bound <= surplus {
            count(LIVE, bound)? >= bound
        } else {
            count(EXPIRED, surplus.saturating_add(1))? <= surplus
        };
        if full {
            let quota = self.quota;
            let message = format!(
                "the quota of service {service} is {quota}: its live keys would be more than that"
            );
            return Err(Failure::new(StoreErrorKind::QuotaReached, message));
        }
        Ok(())
    }
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
