use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, KeyState};
use portcullis_core::service::{Service, ServiceName};
use portcullis_core::store::{Change, EventRecord, Head, Operation, Revision, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::error::Failure;
use super::row::{Fields, rate_columns, stored};
use super::{quota, read};

/// How many changes are remembered, to tell followers what they missed.
const KEPT: i64 = 100_000;

pub(super) const STANDING: &str =
    "SELECT number, service, state, created_at, version FROM keys WHERE id = ?1";

/// What a change touched: the kind and the key's id, as `changes` has them.
type Touched = (&'static str, Option<[u8; 16]>);

/// Makes one change, with its event, inside the transaction of the connection.
pub(super) fn apply(connection: &Connection, change: &Change) -> Result<Head, Failure> {
    let touched = match &change.operation {
        Operation::CreateService(service) => create_service(connection, service)?,
        Operation::CreateKey { key, now } => create_key(connection, key, *now)?,
        Operation::UpdateKey { key, expected } => update_key(connection, key, *expected)?,
        _ => return Err(unknown("operation")),
    };
    advance(connection, change, touched)
}

fn create_service(connection: &Connection, service: &Service) -> Result<Touched, Failure> {
    let (requests, period, burst) = rate_columns(service.default_rate);
    // Lifetimes are whole milliseconds, as all times here.
    let lifetime = service
        .default_lifetime
        .map(|lifetime| lifetime.as_millis());
    let lifetime = lifetime.map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
    let added = connection
        .prepare_cached(
            "INSERT INTO services (name, quota, rate_requests, rate_period_ns, rate_burst, \
             default_lifetime, prefix, created_at, version) VALUES (:name, :quota, \
             :rate_requests, :rate_period_ns, :rate_burst, :default_lifetime, :prefix, \
             :created_at, :version) ON CONFLICT (name) DO NOTHING",
        )?
        .execute(named_params! {
            ":name": service.name.as_str(),
            ":quota": service.quota,
            ":rate_requests": requests,
            ":rate_period_ns": period,
            ":rate_burst": burst,
            ":default_lifetime": lifetime,
            ":prefix": service.prefix.as_ref().map(|prefix| prefix.as_str()),
            ":created_at": service.created_at.as_millis(),
            ":version": stored(service.version),
        })?;
    if added == 0 {
        let message = format!("service {} exists already", service.name);
        return Err(Failure::new(StoreErrorKind::AlreadyExists, message));
    }
    Ok(("service", None))
}

fn create_key(connection: &Connection, key: &Key, now: Timestamp) -> Result<Touched, Failure> {
    quota::check(connection, &key.service, now)?;
    let (requests, period, burst) = rate_columns(key.rate);
    let (state, revoked_at, revoked_why) = state_columns(&key.state)?;
    let number: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO keys (id, service, environment, prefix, owner, name, scopes, \
             rate_requests, rate_period_ns, rate_burst, state, revoked_at, revoked_why, \
             created_at, expires_at, version) VALUES (:id, :service, :environment, :prefix, \
             :owner, :name, :scopes, :rate_requests, :rate_period_ns, :rate_burst, :state, \
             :revoked_at, :revoked_why, :created_at, :expires_at, :version) \
             ON CONFLICT (id) DO NOTHING RETURNING number",
        )?
        .query_row(
            named_params! {
                ":id": key.id.as_bytes(),
                ":service": key.service.as_str(),
                ":environment": key.environment.as_str(),
                ":prefix": key.prefix.as_str(),
                ":owner": key.owner.as_str(),
                ":name": key.name.as_str(),
                ":scopes": key.scopes.to_string(),
                ":rate_requests": requests,
                ":rate_period_ns": period,
                ":rate_burst": burst,
                ":state": state,
                ":revoked_at": revoked_at,
                ":revoked_why": revoked_why,
                ":created_at": key.created_at.as_millis(),
                ":expires_at": key.expires_at.map(Timestamp::as_millis),
                ":version": stored(key.version),
            },
            |row| row.get(0),
        )
        .optional()?;
    let Some(number) = number else {
        let message = format!("key {} exists already", key.id);
        return Err(Failure::new(StoreErrorKind::AlreadyExists, message));
    };
    write_secrets(connection, number, key)?;
    quota::recount(connection, &key.service, false, quota::counts(&key.state))?;
    Ok(("key", Some(*key.id.as_bytes())))
}

fn update_key(connection: &Connection, key: &Key, expected: u64) -> Result<Touched, Failure> {
    let mut statement = connection.prepare_cached(STANDING)?;
    let standing = statement.query_row([key.id.as_bytes()], |row| {
        let fields = Fields::new(row, "keys", &key.id);
        let read = || -> Result<_, Failure> {
            let replaces = fields.number::<u64>("version")? == expected && key.version > expected;
            let stays = fields.text::<ServiceName>("service")? == key.service
                && fields.time("created_at")? == key.created_at;
            let counted = fields.value::<String>("state")? != "revoked";
            Ok((fields.value::<i64>("number")?, replaces && stays, counted))
        };
        Ok(read())
    });
    let Some((number, matches, counted)) = standing.optional()?.transpose()? else {
        return Err(Failure::new(
            StoreErrorKind::NotFound,
            format!("there is no key {}", key.id),
        ));
    };
    if !matches {
        let message = format!("key {} was changed by somebody else", key.id);
        return Err(Failure::new(StoreErrorKind::Conflict, message));
    }
    replace_key(connection, number, key)?;
    connection
        .prepare_cached("DELETE FROM secrets WHERE key = ?1")?
        .execute([number])?;
    write_secrets(connection, number, key)?;
    quota::recount(connection, &key.service, counted, quota::counts(&key.state))?;
    Ok(("key", Some(*key.id.as_bytes())))
}

fn replace_key(connection: &Connection, number: i64, key: &Key) -> Result<(), Failure> {
    let (requests, period, burst) = rate_columns(key.rate);
    let (state, revoked_at, revoked_why) = state_columns(&key.state)?;
    connection
        .prepare_cached(
            "UPDATE keys SET environment = :environment, prefix = :prefix, owner = :owner, \
             name = :name, scopes = :scopes, rate_requests = :rate_requests, \
             rate_period_ns = :rate_period_ns, rate_burst = :rate_burst, state = :state, \
             revoked_at = :revoked_at, revoked_why = :revoked_why, expires_at = :expires_at, \
             version = :version WHERE number = :number",
        )?
        .execute(named_params! {
            ":number": number,
            ":environment": key.environment.as_str(),
            ":prefix": key.prefix.as_str(),
            ":owner": key.owner.as_str(),
            ":name": key.name.as_str(),
            ":scopes": key.scopes.to_string(),
            ":rate_requests": requests,
            ":rate_period_ns": period,
            ":rate_burst": burst,
            ":state": state,
            ":revoked_at": revoked_at,
            ":revoked_why": revoked_why,
            ":expires_at": key.expires_at.map(Timestamp::as_millis),
            ":version": stored(key.version),
        })?;
    Ok(())
}

fn write_secrets(connection: &Connection, number: i64, key: &Key) -> Result<(), Failure> {
    let sql = "INSERT INTO secrets (key, number, digest, root, created_at, ends_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = connection.prepare_cached(sql)?;
    for secret in &key.secrets {
        statement.execute((
            number,
            secret.number,
            secret.digest.as_bytes(),
            secret.root.as_str(),
            secret.created_at.as_millis(),
            secret.ends_at.map(Timestamp::as_millis),
        ))?;
    }
    Ok(())
}

type StateColumns<'a> = (&'static str, Option<i64>, Option<&'a str>);

fn state_columns(state: &KeyState) -> Result<StateColumns<'_>, Failure> {
    match state {
        KeyState::Active => Ok(("active", None, None)),
        KeyState::Disabled => Ok(("disabled", None, None)),
        KeyState::Revoked(revocation) => {
            let (at, why) = (revocation.at.as_millis(), revocation.reason.as_str());
            Ok(("revoked", Some(at), Some(why)))
        }
        _ => Err(unknown("key state")),
    }
}

fn unknown(what: &str) -> Failure {
    let message = format!("this store is older than the {what} that it was asked for");
    Failure::new(StoreErrorKind::Unavailable, message)
}

/// Appends the event, remembers the change, and moves the head last.
fn advance(connection: &Connection, change: &Change, touched: Touched) -> Result<Head, Failure> {
    let now = read::head(connection)?;
    let sequence = now.audit.sequence.saturating_add(1);
    let mac = change
        .seal
        .seal(sequence, &now.audit.mac, &change.event.bytes);
    append(connection, sequence, &mac, change)?;
    let revision = Revision::new(now.head.revision.count().saturating_add(1));
    let at = stored(revision.count());
    // SQLite seeds its generator from the system's.
    let tag: i64 = connection
        .prepare_cached("SELECT random()")?
        .query_row([], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO changes (revision, tag, kind, key_id) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((at, tag, touched.0, touched.1))?;
    connection
        .prepare_cached("DELETE FROM changes WHERE revision <= ?1")?
        .execute([at.saturating_sub(KEPT)])?;
    connection
        .prepare_cached(
            "UPDATE head SET revision = ?1, tag = ?2, audit_sequence = ?3, audit_mac = ?4 \
             WHERE one = 1",
        )?
        .execute((at, tag, stored(sequence), mac))?;
    Ok(Head {
        revision,
        tag: tag.cast_unsigned(),
    })
}

fn append(
    connection: &Connection,
    sequence: u64,
    mac: &[u8; 32],
    change: &Change,
) -> Result<(), Failure> {
    let EventRecord {
        at,
        service,
        key,
        bytes,
    } = &change.event;
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
            change.seal.root().as_str(),
            mac,
            bytes,
        ))?;
    Ok(())
}
