use portcullis_core::key::KeyId;
use portcullis_core::store::{Change, Head, Operation, Revision, Step, StoreErrorKind};
use rusqlite::Connection;

use super::{damaged, key, service, trail};
use crate::sqlite::error::Failure;
use crate::sqlite::row::stored;
use crate::sqlite::{read, roots};

/// How many rows of `changes` are kept, to tell followers what they missed.
const KEPT: i64 = 100_000;

/// What a step touched of that which nodes cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touched {
    Nothing,
    Service,
    Key(KeyId),
}

/// Makes one change, with its events, inside the transaction of the connection.
pub(in crate::sqlite) fn apply(connection: &Connection, change: &Change) -> Result<Head, Failure> {
    if change.steps.is_empty() || change.steps.len() > Change::MAX_STEPS {
        let message = format!("a change of 1 to {} steps is expected", Change::MAX_STEPS);
        return Err(Failure::new(StoreErrorKind::Invalid, message));
    }
    roots::check_standing(connection, change.seal.root())?;
    let before = read::head(connection)?;
    let mut end = before.audit;
    let mut touched = Vec::with_capacity(change.steps.len());
    for Step { operation, event } in &change.steps {
        touched.push(operate(connection, operation)?);
        end = trail::append(connection, end, &change.seal, event)?;
    }
    let head = Head {
        revision: Revision::new(before.head.revision.count().saturating_add(1)),
        tag: draw_tag(connection)?,
    };
    remember(connection, head, touched)?;
    connection
        .prepare_cached(
            "UPDATE head SET revision = ?1, tag = ?2, audit_sequence = ?3, audit_mac = ?4 \
             WHERE one = 1",
        )?
        .execute((
            stored(head.revision.count()),
            head.tag.cast_signed(),
            stored(end.sequence),
            end.mac,
        ))?;
    Ok(head)
}

fn operate(connection: &Connection, operation: &Operation) -> Result<Touched, Failure> {
    match operation {
        Operation::Record => Ok(Touched::Nothing),
        Operation::CreateService(service) => service::create(connection, service),
        Operation::UpdateService { service, expected } => {
            service::update(connection, service, *expected)
        }
        Operation::CreateKey { key, now } => key::create(connection, key, *now),
        Operation::UpdateKey { key, expected, now } => {
            key::update(connection, key, *expected, *now)
        }
        Operation::RevokeDamagedKey { id, revocation } => {
            damaged::revoke(connection, *id, revocation)
        }
        Operation::RetireRoot { name, now } => {
            roots::retire(connection, name, *now)?;
            Ok(Touched::Nothing)
        }
        Operation::AnchorAudit(anchor) => {
            trail::anchor(connection, anchor)?;
            Ok(Touched::Nothing)
        }
        Operation::PruneAudit(anchor) => {
            trail::prune(connection, anchor)?;
            Ok(Touched::Nothing)
        }
        _ => Err(Failure::unknown("operation")),
    }
}

/// SQLite seeds its generator from the system's.
fn draw_tag(connection: &Connection) -> Result<u64, Failure> {
    let tag: i64 = connection
        .prepare_cached("SELECT random()")?
        .query_row([], |row| row.get(0))?;
    Ok(tag.cast_unsigned())
}

/// Adds what was touched to `changes`, each thing once, and at least one row.
fn remember(connection: &Connection, head: Head, touched: Vec<Touched>) -> Result<(), Failure> {
    let mut things: Vec<(&str, Option<[u8; 16]>)> = touched
        .into_iter()
        .filter_map(|touched| match touched {
            Touched::Nothing => None,
            Touched::Service => Some(("service", None)),
            Touched::Key(id) => Some(("key", Some(*id.as_bytes()))),
        })
        .collect();
    things.sort_unstable();
    things.dedup();
    if things.is_empty() {
        things.push(("nothing", None));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO changes (revision, tag, kind, key_id) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (kind, key) in things {
        let (revision, tag) = (stored(head.revision.count()), head.tag.cast_signed());
        insert.execute((revision, tag, kind, key))?;
    }
    let last = connection.last_insert_rowid();
    connection
        .prepare_cached("DELETE FROM changes WHERE number <= ?1")?
        .execute([last.saturating_sub(KEPT)])?;
    Ok(())
}
