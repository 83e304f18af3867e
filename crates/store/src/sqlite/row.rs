//! Rows into records and back.
//!
//! A row may hold anything: the file is not ours alone. What does not read as
//! the record that was written is [`StoreErrorKind::Corrupt`], with the table,
//! the row and the column.

use std::fmt;
use std::time::Duration;

use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Digest, Key, KeyId, KeyState, Revocation, Secret};
use portcullis_core::limits::Rate;
use portcullis_core::service::{Retirement, Service};
use portcullis_core::store::{FromStored, StoreErrorKind};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};

use super::error::Failure;

/// The columns of one row, and what the row is called where one is wrong.
pub(super) struct Fields<'a> {
    row: &'a Row<'a>,
    table: &'static str,
    id: &'a dyn fmt::Display,
}

impl<'a> Fields<'a> {
    pub(super) fn new(row: &'a Row<'a>, table: &'static str, id: &'a dyn fmt::Display) -> Self {
        Self { row, table, id }
    }

    /// What to say where a column does not read.
    pub(super) fn corrupt(&self, column: &str) -> Failure {
        let Self { table, id, .. } = self;
        let message = format!("the database is damaged: table {table}, row {id}, column {column}");
        Failure::new(StoreErrorKind::Corrupt, message)
    }

    pub(super) fn value<T: FromSql>(&self, column: &str) -> Result<T, Failure> {
        self.row.get(column).map_err(|_| self.corrupt(column))
    }

    /// A number of any unsigned type.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Failure> {
        T::try_from(self.value(column)?).map_err(|_| self.corrupt(column))
    }

    pub(super) fn optional_number<T: TryFrom<i64>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, Failure> {
        self.value::<Option<i64>>(column)?
            .map(|number| T::try_from(number).map_err(|_| self.corrupt(column)))
            .transpose()
    }

    /// Text that reads as a `T`, by its form: not by what may be asked of new
    /// text meanwhile.
    pub(super) fn text<T: FromStored>(&self, column: &str) -> Result<T, Failure> {
        self.optional_text(column)?
            .ok_or_else(|| self.corrupt(column))
    }

    pub(super) fn optional_text<T: FromStored>(&self, column: &str) -> Result<Option<T>, Failure> {
        match self.row.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(value) => {
                let text = value.as_str().ok();
                let text = text.and_then(|text| T::from_stored(text).ok());
                text.map(Some).ok_or_else(|| self.corrupt(column))
            }
            Err(_) => Err(self.corrupt(column)),
        }
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, Failure> {
        self.optional_time(column)?
            .ok_or_else(|| self.corrupt(column))
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>, Failure> {
        self.value::<Option<i64>>(column)?
            .map(|millis| {
                let time = Timestamp::from_millis(millis);
                // The type brings everything into its range: a stored time
                // must have been there before.
                if time.as_millis() == millis {
                    Ok(time)
                } else {
                    Err(self.corrupt(column))
                }
            })
            .transpose()
    }

    pub(super) fn optional_key(&self, column: &str) -> Result<Option<KeyId>, Failure> {
        let id = self.value::<Option<_>>(column)?;
        Ok(id.map(KeyId::from_bytes))
    }

    fn rate(&self) -> Result<Option<Rate>, Failure> {
        let Some(requests) = self.optional_number("rate_requests")? else {
            return Ok(None);
        };
        let period = Duration::from_nanos(self.number("rate_period_ns")?);
        let rate = Rate::new(requests, period, self.number("rate_burst")?);
        rate.map(Some).map_err(|_| self.corrupt("rate_requests"))
    }

    fn lifetime(&self, column: &str) -> Result<Option<Duration>, Failure> {
        let millis = self.optional_number(column)?;
        Ok(millis.map(Duration::from_millis))
    }

    fn retirement(&self) -> Result<Option<Retirement>, Failure> {
        let Some(at) = self.optional_time("retired_at")? else {
            return Ok(None);
        };
        let reason = self.text("retired_why")?;
        Ok(Some(Retirement { at, reason }))
    }

    fn state(&self) -> Result<KeyState, Failure> {
        match self.value::<String>("state")?.as_str() {
            "active" => Ok(KeyState::Active),
            "disabled" => Ok(KeyState::Disabled),
            "revoked" => {
                let (at, reason) = (self.time("revoked_at")?, self.text("revoked_why")?);
                Ok(KeyState::Revoked(Revocation { at, reason }))
            }
            _ => Err(self.corrupt("state")),
        }
    }
}

/// Reads a row of `services`.
pub(super) fn service(row: &Row<'_>) -> Result<Service, Failure> {
    let id: String = Fields::new(row, "services", &"of an unreadable name").value("name")?;
    let fields = Fields::new(row, "services", &id);
    Ok(Service {
        name: fields.text("name")?,
        quota: fields.number("quota")?,
        default_rate: fields.rate()?,
        default_lifetime: fields.lifetime("default_lifetime")?,
        max_lifetime: fields.lifetime("max_lifetime")?,
        prefix: fields.optional_text("prefix")?,
        retirement: fields.retirement()?,
        created_at: fields.time("created_at")?,
        version: fields.number("version")?,
    })
}

/// Reads a row of `keys`; its secrets stand in another table.
pub(super) fn key(row: &Row<'_>, secrets: Vec<Secret>) -> Result<Key, Failure> {
    let id = Fields::new(row, "keys", &"of an unreadable id").value("id")?;
    let id = KeyId::from_bytes(id);
    let fields = Fields::new(row, "keys", &id);
    if secrets.is_empty() || secrets.len() > Key::MAX_SECRETS {
        return Err(Fields::new(row, "secrets", &id).corrupt("number"));
    }
    Ok(Key {
        id,
        service: fields.text("service")?,
        environment: fields.text("environment")?,
        prefix: fields.text("prefix")?,
        owner: fields.text("owner")?,
        name: fields.text("name")?,
        scopes: fields.text("scopes")?,
        rate: fields.rate()?,
        addresses: fields.optional_text("addresses")?.unwrap_or_default(),
        metadata: fields.optional_text("metadata")?.unwrap_or_default(),
        note: fields.optional_text("note")?,
        state: fields.state()?,
        created_at: fields.time("created_at")?,
        created_by: fields.text("created_by")?,
        expires_at: fields.optional_time("expires_at")?,
        secrets,
        version: fields.number("version")?,
    })
}

/// Reads a row of `secrets`, of the key with this row number.
pub(super) fn secret(row: &Row<'_>, key: i64) -> Result<Secret, Failure> {
    let fields = Fields::new(row, "secrets", &key);
    Ok(Secret {
        number: fields.number("number")?,
        digest: Digest::from_bytes(fields.value("digest")?),
        root: fields.text("root")?,
        issuer: fields.text("issuer")?,
        created_at: fields.time("created_at")?,
        ends_at: fields.optional_time("ends_at")?,
    })
}

/// A rate's three columns.
pub(super) type RateColumns = (Option<u32>, Option<i64>, Option<u32>);

pub(super) fn rate_columns(rate: Option<Rate>) -> RateColumns {
    let period = |rate: Rate| i64::try_from(rate.period().as_nanos()).unwrap_or(i64::MAX);
    (
        rate.map(|rate| rate.requests().get()),
        rate.map(period),
        rate.map(|rate| rate.burst().get()),
    )
}

/// A count as SQLite keeps it. None that is counted up by one gets that far.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
