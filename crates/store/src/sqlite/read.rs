use std::collections::HashSet;

use portcullis_core::key::{Key, KeyId, Secret};
use portcullis_core::store::{
    AuditHead, Changes, Head, Loaded, LoadedServices, Revision, StoreErrorKind,
};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::error::Failure;
use super::row::{self, Fields, stored};
use super::sums;

/// What the one row of `head` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadRow {
    pub(super) head: Head,
    pub(super) audit: AuditHead,
}

const HEAD: &str = "SELECT revision, tag, audit_sequence, audit_mac FROM head WHERE one = 1";

macro_rules! select_keys {
    ($($rest:literal),*) => {
        concat!(
            "SELECT number, id, service, environment, prefix, owner, name, scopes, rate_requests, \
             rate_period_ns, rate_burst, addresses, metadata, note, state, revoked_at, \
             revoked_why, created_at, created_by, expires_at, version FROM keys ",
            $($rest),*
        )
    };
}

const KEY: &str = select_keys!("WHERE id = ?1");

const KEY_OF_ROW: &str = select_keys!("WHERE number = ?1");

const SECRETS: &str = "SELECT number, digest, root, issuer, created_at, ends_at FROM secrets \
    WHERE key = ?1 ORDER BY number";

const SERVICES: &str = "SELECT name, quota, rate_requests, rate_period_ns, rate_burst, \
    default_lifetime, max_lifetime, prefix, retired_at, retired_why, created_at, version \
    FROM services ORDER BY name";

const TAG: &str = "SELECT tag FROM changes WHERE revision = ?1 LIMIT 1";

const CHANGES: &str =
    "SELECT revision, kind, key_id FROM changes WHERE revision > ?1 ORDER BY revision";

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 5] = [KEY, KEY_OF_ROW, SECRETS, TAG, CHANGES];

/// Reads the head row.
pub(super) fn head(connection: &Connection) -> Result<HeadRow, Failure> {
    connection
        .prepare_cached(HEAD)?
        .query_row([], |row| Ok(head_row(row)))?
}

fn head_row(row: &Row<'_>) -> Result<HeadRow, Failure> {
    let fields = Fields::new(row, "head", &1);
    let revision = Revision::new(fields.number("revision")?);
    let tag = fields.value::<i64>("tag")?.cast_unsigned();
    let audit = AuditHead {
        sequence: fields.number("audit_sequence")?,
        mac: fields.value("audit_mac")?,
    };
    Ok(HeadRow {
        head: Head { revision, tag },
        audit,
    })
}

/// Reads one key and the revision, in one snapshot.
pub(super) fn load(connection: &mut Connection, id: KeyId) -> Result<Loaded, Failure> {
    let snapshot = connection.transaction()?;
    let head = head(&snapshot)?.head;
    let mut statement = snapshot.prepare_cached(KEY)?;
    let key = statement.query_row([id.as_bytes()], |row| Ok(whole_key(&snapshot, row)));
    Ok(Loaded {
        head,
        key: key.optional()?.transpose()?,
    })
}

/// Reads the key of a row that an index leads to.
pub(super) fn key_of_row(connection: &Connection, number: i64) -> Result<Key, Failure> {
    let mut statement = connection.prepare_cached(KEY_OF_ROW)?;
    let key = statement.query_row([number], |row| Ok(whole_key(connection, row)));
    key.optional()?.unwrap_or_else(|| {
        let message = format!("the database is damaged: table keys, row {number} is missing");
        Err(Failure::new(StoreErrorKind::Corrupt, message))
    })
}

/// A key with its secrets.
pub(super) fn whole_key(connection: &Connection, row: &Row<'_>) -> Result<Key, Failure> {
    let number = row.get("number")?;
    let key = row::key(row, secrets(connection, number)?)?;
    sums::verify_key(connection, number, key.id)?;
    Ok(key)
}

fn secrets(connection: &Connection, key: i64) -> Result<Vec<Secret>, Failure> {
    let mut statement = connection.prepare_cached(SECRETS)?;
    let mut rows = statement.query([key])?;
    let mut secrets = Vec::with_capacity(1);
    while let Some(row) = rows.next()? {
        secrets.push(row::secret(row, key)?);
    }
    Ok(secrets)
}

/// Reads all services and the revision, in one snapshot.
pub(super) fn load_services(connection: &mut Connection) -> Result<LoadedServices, Failure> {
    let snapshot = connection.transaction()?;
    let head = head(&snapshot)?.head;
    let mut statement = snapshot.prepare_cached(SERVICES)?;
    let mut rows = statement.query([])?;
    let mut services = Vec::new();
    while let Some(row) = rows.next()? {
        let service = row::service(row)?;
        sums::verify_service(&snapshot, &service.name)?;
        services.push(service);
    }
    Ok(LoadedServices { head, services })
}

/// Says what has changed since `since`.
pub(super) fn changes(connection: &mut Connection, since: Head) -> Result<Changes, Failure> {
    let snapshot = connection.transaction()?;
    let head = head(&snapshot)?.head;
    if since.revision > head.revision {
        return Ok(Changes::Diverged { head });
    }
    let revision = stored(since.revision.count());
    let mut statement = snapshot.prepare_cached(TAG)?;
    match statement
        .query_row([revision], |row| row.get::<_, i64>(0))
        .optional()?
    {
        None => return Ok(Changes::All { head }),
        Some(tag) if tag.cast_unsigned() != since.tag => return Ok(Changes::Diverged { head }),
        Some(_) => {}
    }
    let mut statement = snapshot.prepare_cached(CHANGES)?;
    let mut rows = statement.query([revision])?;
    let (mut keys, mut services) = (HashSet::new(), false);
    while let Some(row) = rows.next()? {
        let revision: i64 = row.get("revision")?;
        let fields = Fields::new(row, "changes", &revision);
        match fields.value::<String>("kind")?.as_str() {
            "key" => drop(keys.insert(KeyId::from_bytes(fields.value("key_id")?))),
            "service" => services = true,
            "nothing" => {}
            _ => return Err(fields.corrupt("kind")),
        }
        if keys.len() > Changes::MAX_KEYS {
            return Ok(Changes::All { head });
        }
    }
    Ok(Changes::Some {
        head,
        keys: keys.into_iter().collect(),
        services,
    })
}
