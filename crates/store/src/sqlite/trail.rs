use portcullis_core::audit::Anchor;
use portcullis_core::service::ServiceName;
use portcullis_core::store::{AuditHead, EventsRequest, StoredEvent};
use rusqlite::{Connection, ToSql};

use super::error::Failure;
use super::row::{Fields, stored};

macro_rules! select_events {
    ($where:literal) => {
        concat!(
            "SELECT sequence, at, service, key_id, root, mac, bytes FROM audit WHERE ",
            $where,
            "sequence > ?1 ORDER BY sequence LIMIT ?2"
        )
    };
}

const EVENTS: &str = select_events!("");
const OF_SERVICE: &str = select_events!("service = ?3 AND ");
const OF_KEY: &str = select_events!("key_id = ?3 AND ");
/// A key has one service: its index leads to what both ask for.
const OF_BOTH: &str = select_events!("key_id = ?3 AND +service = ?4 AND ");

/// What the tests look up the plans of.
#[cfg(test)]
pub(super) const QUERIES: [&str; 4] = [EVENTS, OF_SERVICE, OF_KEY, OF_BOTH];

/// Reads events of the audit trail.
pub(super) fn events(
    connection: &Connection,
    request: &EventsRequest,
) -> Result<Vec<StoredEvent>, Failure> {
    let after = stored(request.after);
    let service = request.service.as_ref().map(ServiceName::as_str);
    let key = request.key.as_ref().map(|key| key.as_bytes());
    let mut parameters: Vec<&dyn ToSql> = vec![&after, &request.limit];
    let sql = match (&key, &service) {
        (None, None) => EVENTS,
        (None, Some(service)) => {
            parameters.push(service);
            OF_SERVICE
        }
        (Some(key), None) => {
            parameters.push(key);
            OF_KEY
        }
        (Some(key), Some(service)) => {
            parameters.extend([key as &dyn ToSql, service]);
            OF_BOTH
        }
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters.as_slice())?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get("sequence")?;
        let fields = Fields::new(row, "audit", &sequence);
        events.push(StoredEvent {
            sequence: fields.number("sequence")?,
            at: fields.time("at")?,
            service: fields.optional_text("service")?,
            key: fields.optional_key("key_id")?,
            root: fields.text("root")?,
            bytes: fields.value("bytes")?,
            mac: fields.value("mac")?,
        });
    }
    Ok(events)
}

/// Reads the signed places of the trail.
pub(super) fn anchors(connection: &Connection) -> Result<Vec<Anchor>, Failure> {
    let sql = "SELECT sequence, mac, at, root, signature FROM anchors ORDER BY sequence";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut anchors = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get("sequence")?;
        let fields = Fields::new(row, "anchors", &sequence);
        anchors.push(Anchor {
            place: AuditHead {
                sequence: fields.number("sequence")?,
                mac: fields.value("mac")?,
            },
            at: fields.time("at")?,
            root: fields.text("root")?,
            signature: fields.value("signature")?,
        });
    }
    Ok(anchors)
}
