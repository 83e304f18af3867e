use std::collections::HashSet;

use portcullis_core::key::{Key, KeyId, Secret};
use portcullis_core::store::{
    AuditHead, Changes, Head, Loaded, LoadedServices, PageRequest, Revision, StoredEvent,
};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::error::Failure;
use super::row::{self, Fields, stored};

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
             rate_period_ns, rate_burst, state, revoked_at, revoked_why, created_at, expires_at, \
             version FROM keys ",
            $($rest),*
        )
    };
}

const KEY: &str = select_keys!("WHERE id = ?1");

/// The index `keys_by_creation` holds the order and the start of each page.
const PAGE: &str = select_keys!(
    "WHERE service = ?1 AND (created_at, id) > (?2, ?3) ORDER BY created_at, id LIMIT ?4"
);

const SECRETS: &str =
    "SELECT number, digest, root, created_at, ends_at FROM secrets WHERE key = ?1 ORDER BY number";

const SERVICES: &str = "SELECT name, quota, rate_requests, rate_period_ns, rate_burst, \
    default_lifetime, prefix, created_at, version FROM services ORDER BY name";

const EVENTS: &str =
    "SELECT sequence, root, mac, bytes FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";

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

/// A key with its secrets.
fn whole_key(connection: &Connection, row: &Row<'_>) -> Result<Key, Failure> {
    let number = row.get("number")?;
    row::key(row, secrets(connection, number)?)
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
        services.push(row::service(row)?);
    }
    Ok(LoadedServices { head, services })
}

/// Reads one page of a service's keys.
pub(super) fn page(
    connection: &mut Connection,
    request: &PageRequest,
) -> Result<Vec<Key>, Failure> {
    let snapshot = connection.transaction()?;
    let (created, id) = request.after.map_or((i64::MIN, [0; 16]), |after| {
        (after.created_at.as_millis(), *after.id.as_bytes())
    });
    let mut statement = snapshot.prepare_cached(PAGE)?;
    let mut rows = statement.query((request.service.as_str(), created, id, request.limit))?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(whole_key(&snapshot, row)?);
    }
    Ok(keys)
}

/// Says what has changed since `since`.
pub(super) fn changes(connection: &mut Connection, since: Head) -> Result<Changes, Failure> {
    let snapshot = connection.transaction()?;
    let head = head(&snapshot)?.head;
    if since.revision > head.revision {
        return Ok(Changes::Diverged { head });
    }
    let revision = stored(since.revision.count());
    let mut statement = snapshot.prepare_cached("SELECT tag FROM changes WHERE revision = ?1")?;
    match statement
        .query_row([revision], |row| row.get::<_, i64>(0))
        .optional()?
    {
        None => return Ok(Changes::All { head }),
        Some(tag) if tag.cast_unsigned() != since.tag => return Ok(Changes::Diverged { head }),
        Some(_) => {}
    }
    let sql = "SELECT revision, kind, key_id FROM changes WHERE revision > ?1 ORDER BY revision";
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([revision])?;
    let (mut keys, mut services) = (HashSet::new(), false);
    while let Some(row) = rows.next()? {
        match touched(row)? {
            Some(id) => drop(keys.insert(id)),
            None => services = true,
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

/// The key that a change touched; nothing where it was a service.
fn touched(row: &Row<'_>) -> Result<Option<KeyId>, Failure> {
    let revision: i64 = row.get("revision")?;
    let fields = Fields::new(row, "changes", &revision);
    match fields.value::<String>("kind")?.as_str() {
        "key" => fields.value("key_id").map(KeyId::from_bytes).map(Some),
        "service" => Ok(None),
        _ => Err(fields.corrupt("kind")),
    }
}

/// Reads events of the audit trail.
pub(super) fn events(
    connection: &Connection,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredEvent>, Failure> {
    let mut statement = connection.prepare_cached(EVENTS)?;
    let mut rows = statement.query((stored(after), limit))?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get("sequence")?;
        let fields = Fields::new(row, "audit", &sequence);
        events.push(StoredEvent {
            sequence: fields.number("sequence")?,
            root: fields.text("root")?,
            bytes: fields.value("bytes")?,
            mac: fields.value("mac")?,
        });
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{EVENTS, KEY, PAGE, SECRETS};

    /// The plan's steps, for a database with the whole schema.
    fn plan(sql: &str) -> Vec<String> {
        let connection = Connection::open_in_memory().expect("memory");
        let schema = include_str!("../../migrations/sqlite/V1__records.sql");
        connection.execute_batch(schema).expect("schema");
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect(sql);
        let nothing = vec![rusqlite::types::Value::Null; statement.parameter_count()];
        let steps = statement
            .query_map(rusqlite::params_from_iter(nothing), |row| row.get("detail"))
            .expect("plan");
        steps.collect::<Result<_, _>>().expect("steps")
    }

    #[test]
    fn a_page_reads_no_key_outside_of_it() {
        let expected =
            "SEARCH keys USING INDEX keys_by_creation (service=? AND (created_at,id)>(?,?))";
        assert_eq!(plan(PAGE), [expected]);
    }

    #[test]
    fn no_look_up_scans_a_table() {
        let of_changes = [super::super::change::STANDING];
        let queries = [KEY, SECRETS, EVENTS].into_iter().chain(of_changes);
        for sql in queries.chain(super::super::quota::QUERIES) {
            let steps = plan(sql);
            let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
            let scans = |step: &&String| step.starts_with("SCAN") && !step.starts_with("SCAN (");
            assert!(
                !sorted && steps.iter().find(scans).is_none(),
                "{sql}: {steps:?}"
            );
        }
    }
}
