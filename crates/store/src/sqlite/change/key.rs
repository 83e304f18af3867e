use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, KeyName, KeyState};
use portcullis_core::service::ServiceName;
use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};

use super::apply::Touched;
use super::entries::Entries;
use super::secrets;
use crate::sqlite::error::Failure;
use crate::sqlite::quota::Room;
use crate::sqlite::row::{Fields, RateColumns, rate_columns, stored};
use crate::sqlite::{quota, sums};

const CREATE: &str = "INSERT INTO keys (id, service, environment, prefix, owner, name, scopes, \
    rate_requests, rate_period_ns, rate_burst, addresses, metadata, note, state, revoked_at, \
    revoked_why, created_at, created_by, expires_at, version) VALUES (:id, :service, \
    :environment, :prefix, :owner, :name, :scopes, :rate_requests, :rate_period_ns, :rate_burst, \
    :addresses, :metadata, :note, :state, :revoked_at, :revoked_why, :created_at, :created_by, \
    :expires_at, :version) ON CONFLICT (id) DO NOTHING";

const REPLACE: &str = "UPDATE keys SET environment = :environment, prefix = :prefix, \
    owner = :owner, name = :name, scopes = :scopes, rate_requests = :rate_requests, \
    rate_period_ns = :rate_period_ns, rate_burst = :rate_burst, addresses = :addresses, \
    metadata = :metadata, note = :note, state = :state, revoked_at = :revoked_at, \
    revoked_why = :revoked_why, created_by = :created_by, expires_at = :expires_at, \
    version = :version \
    WHERE id = :id AND service = :service AND created_at = :created_at";

pub(in crate::sqlite) const STANDING: &str = "SELECT number, service, name, scopes, state, \
    created_at, expires_at, version FROM keys WHERE id = ?1";

pub(super) fn create(
    connection: &Connection,
    key: &Key,
    now: Timestamp,
) -> Result<Touched, Failure> {
    quota::check_creation(connection, &key.service, now)?;
    if Columns::of(key)?.run(connection, CREATE)? == 0 {
        let message = format!("key {} exists already", key.id);
        return Err(Failure::new(StoreErrorKind::AlreadyExists, message));
    }
    let number = connection.last_insert_rowid();
    let row = (number, key.service.as_str(), key.created_at.as_millis());
    connection
        .prepare_cached("INSERT INTO usage (key, service, created_at) VALUES (?1, ?2, ?3)")?
        .execute(row)?;
    secrets::add(connection, number, key)?;
    let entries = Entries::of(number, key);
    entries.add_scopes(connection, &key.scopes.to_string())?;
    entries.add_name(connection, &key.name)?;
    quota::recount(connection, &key.service, false, quota::counts(&key.state))?;
    sums::seal_key(connection, number)?;
    Ok(Touched::Key(key.id))
}

pub(super) fn update(
    connection: &Connection,
    key: &Key,
    expected: u64,
    now: Timestamp,
) -> Result<Touched, Failure> {
    let mut statement = connection.prepare_cached(STANDING)?;
    let standing = statement.query_row([key.id.as_bytes()], |row| Ok(Standing::read(row, key)));
    let Some(standing) = standing.optional()?.transpose()? else {
        let message = format!("there is no key {}", key.id);
        return Err(Failure::new(StoreErrorKind::NotFound, message));
    };
    // A record that is damaged must not be taken for whole from now on.
    sums::verify_key(connection, standing.number, key.id)?;
    let replaces = standing.version == expected && key.version > expected;
    let changed = || {
        let message = format!("key {} was changed by somebody else", key.id);
        Failure::new(StoreErrorKind::Conflict, message)
    };
    if !replaces || !standing.stays {
        return Err(changed());
    }
    if standing.room.grows(key, now) {
        quota::check_update(connection, &key.service, now, standing.room)?;
    }
    if Columns::of(key)?.run(connection, REPLACE)? == 0 {
        return Err(changed());
    }
    secrets::replace(connection, standing.number, key)?;
    let entries = Entries::of(standing.number, key);
    let scopes = key.scopes.to_string();
    if scopes != standing.scopes {
        entries.remove_scopes(connection, &standing.scopes)?;
        entries.add_scopes(connection, &scopes)?;
    }
    if key.name != standing.name {
        entries.remove_name(connection, &standing.name)?;
        entries.add_name(connection, &key.name)?;
    }
    let after = quota::counts(&key.state);
    quota::recount(connection, &key.service, standing.room.counted, after)?;
    sums::seal_key(connection, standing.number)?;
    Ok(Touched::Key(key.id))
}

/// What an update has to know of the row that it replaces.
struct Standing {
    number: i64,
    version: u64,
    /// Whether service and creation are those of the new record.
    stays: bool,
    room: Room,
    name: KeyName,
    scopes: String,
}

impl Standing {
    fn read(row: &Row<'_>, key: &Key) -> Result<Self, Failure> {
        let fields = Fields::new(row, "keys", &key.id);
        Ok(Self {
            number: fields.value("number")?,
            version: fields.number("version")?,
            stays: fields.text::<ServiceName>("service")? == key.service
                && fields.time("created_at")? == key.created_at,
            room: Room {
                counted: fields.value::<String>("state")? != "revoked",
                expires_at: fields.optional_time("expires_at")?,
            },
            name: fields.text("name")?,
            scopes: fields.value("scopes")?,
        })
    }
}

/// A key's row as it is written, but for its number.
struct Columns<'a> {
    key: &'a Key,
    scopes: String,
    rate: RateColumns,
    addresses: Option<String>,
    metadata: Option<&'a str>,
    state: StateColumns<'a>,
}

type StateColumns<'a> = (&'static str, Option<i64>, Option<&'a str>);

impl<'a> Columns<'a> {
    fn of(key: &'a Key) -> Result<Self, Failure> {
        let state = match &key.state {
            KeyState::Active => ("active", None, None),
            KeyState::Disabled => ("disabled", None, None),
            KeyState::Revoked(revocation) => {
                let (at, why) = (revocation.at.as_millis(), revocation.reason.as_str());
                ("revoked", Some(at), Some(why))
            }
            _ => return Err(Failure::unknown("key state")),
        };
        Ok(Self {
            key,
            scopes: key.scopes.to_string(),
            rate: rate_columns(key.rate),
            addresses: (!key.addresses.is_empty()).then(|| key.addresses.to_string()),
            metadata: (!key.metadata.is_empty()).then(|| key.metadata.as_str()),
            state,
        })
    }

    /// Runs a statement that names every column, and returns how many rows it
    /// touched.
    fn run(&self, connection: &Connection, sql: &str) -> Result<usize, Failure> {
        let key = self.key;
        let (requests, period, burst) = self.rate;
        let (state, revoked_at, revoked_why) = self.state;
        let parameters: [(&str, &dyn ToSql); 20] = [
            (":id", key.id.as_bytes()),
            (":service", &key.service.as_str()),
            (":environment", &key.environment.as_str()),
            (":prefix", &key.prefix.as_str()),
            (":owner", &key.owner.as_str()),
            (":name", &key.name.as_str()),
            (":scopes", &self.scopes),
            (":rate_requests", &requests),
            (":rate_period_ns", &period),
            (":rate_burst", &burst),
            (":addresses", &self.addresses),
            (":metadata", &self.metadata),
            (":note", &key.note.as_ref().map(|note| note.as_str())),
            (":state", &state),
            (":revoked_at", &revoked_at),
            (":revoked_why", &revoked_why),
            (":created_at", &key.created_at.as_millis()),
            (":created_by", &key.created_by.as_str()),
            (":expires_at", &key.expires_at.map(Timestamp::as_millis)),
            (":version", &stored(key.version)),
        ];
        Ok(connection.prepare_cached(sql)?.execute(&parameters)?)
    }
}
