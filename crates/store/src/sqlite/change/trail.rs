use portcullis_core::audit::{Anchor, AuditSeal};
use portcullis_core::service::ServiceName;
use portcullis_core::store::{AuditHead, EventRecord, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension as _};

use crate::sqlite::error::Failure;
use crate::sqlite::row::stored;

/// Appends an event to the chain that ends at `end`, and returns the new end.
pub(super) fn append(
    connection: &Connection,
    end: AuditHead,
    seal: &AuditSeal,
    event: &EventRecord,
) -> Result<AuditHead, Failure> {
    let EventRecord {
        at,
        service,
        key,
        bytes,
    } = event;
    let sequence = end.sequence.saturating_add(1);
    let mac = seal.seal(sequence, &end.mac, bytes);
    connection
        .prepare_cached(
            "INSERT INTO audit (sequence, at, service, key_id, root, mac, bytes) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            stored(sequence),
            at.as_millis(),
            service.as_ref().map(ServiceName::as_str),
            key.as_ref().map(|key| key.as_bytes()),
            seal.root().as_str(),
            mac,
            bytes,
        ))?;
    Ok(AuditHead { sequence, mac })
}

/// Keeps the anchor, if it is of an event that is there.
pub(super) fn anchor(connection: &Connection, anchor: &Anchor) -> Result<(), Failure> {
    let sequence = anchor.place.sequence;
    let mac: Option<[u8; 32]> = connection
        .prepare_cached("SELECT mac FROM audit WHERE sequence = ?1")?
        .query_row([stored(sequence)], |row| row.get(0))
        .optional()?;
    if mac != Some(anchor.place.mac) {
        let message = format!("the audit trail has no event {sequence} with the anchor's value");
        return Err(Failure::new(StoreErrorKind::Conflict, message));
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO anchors (sequence, mac, at, root, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            stored(sequence),
            anchor.place.mac,
            anchor.at.as_millis(),
            anchor.root.as_str(),
            anchor.signature,
        ))?;
    Ok(())
}

/// Keeps the anchor, and removes every event up to and with its own. Nothing
/// can be verified from an anchor before that: those go as well.
pub(super) fn prune(connection: &Connection, anchor: &Anchor) -> Result<(), Failure> {
    self::anchor(connection, anchor)?;
    let sequence = stored(anchor.place.sequence);
    for sql in [
        "DELETE FROM audit WHERE sequence <= ?1",
        "DELETE FROM anchors WHERE sequence < ?1",
    ] {
        connection.prepare_cached(sql)?.execute([sequence])?;
    }
    Ok(())
}
