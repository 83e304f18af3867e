use std::time::Duration;

use portcullis_core::clock::Timestamp;
use portcullis_core::service::{Service, ServiceName};
use portcullis_core::store::StoreErrorKind;
use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::apply::Touched;
use crate::sqlite::error::Failure;
use crate::sqlite::row::{Fields, RateColumns, rate_columns, stored};
use crate::sqlite::sums;

const CREATE: &str = "INSERT INTO services (name, quota, rate_requests, rate_period_ns, \
    rate_burst, default_lifetime, max_lifetime, prefix, retired_at, retired_why, created_at, \
    version) VALUES (:name, :quota, :rate_requests, :rate_period_ns, :rate_burst, \
    :default_lifetime, :max_lifetime, :prefix, :retired_at, :retired_why, :created_at, :version) \
    ON CONFLICT (name) DO NOTHING";

const REPLACE: &str = "UPDATE services SET quota = :quota, rate_requests = :rate_requests, \
    rate_period_ns = :rate_period_ns, rate_burst = :rate_burst, \
    default_lifetime = :default_lifetime, max_lifetime = :max_lifetime, prefix = :prefix, \
    retired_at = :retired_at, retired_why = :retired_why, version = :version \
    WHERE name = :name AND created_at = :created_at";

pub(super) fn create(connection: &Connection, service: &Service) -> Result<Touched, Failure> {
    if Columns::of(service).run(connection, CREATE)? == 0 {
        let message = format!("service {} exists already", service.name);
        return Err(Failure::new(StoreErrorKind::AlreadyExists, message));
    }
    sums::seal_service(connection, service.name.as_str())?;
    Ok(Touched::Service)
}

pub(super) fn update(
    connection: &Connection,
    service: &Service,
    expected: u64,
) -> Result<Touched, Failure> {
    let found = version(connection, &service.name)?;
    // A record that is damaged must not be taken for whole from now on.
    sums::verify_service(connection, &service.name)?;
    let replaces = found == expected && service.version > expected;
    if !replaces || Columns::of(service).run(connection, REPLACE)? == 0 {
        let message = format!("service {} was changed by somebody else", service.name);
        return Err(Failure::new(StoreErrorKind::Conflict, message));
    }
    sums::seal_service(connection, service.name.as_str())?;
    Ok(Touched::Service)
}

fn version(connection: &Connection, name: &ServiceName) -> Result<u64, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT version FROM services WHERE name = ?1")?;
    let version = statement.query_row([name.as_str()], |row| {
        Ok(Fields::new(row, "services", name).number("version"))
    });
    version.optional()?.transpose()?.ok_or_else(|| {
        let message = format!("there is no service {name}");
        Failure::new(StoreErrorKind::NotFound, message)
    })
}

/// A service as its row has it.
struct Columns<'a> {
    service: &'a Service,
    rate: RateColumns,
    default_lifetime: Option<i64>,
    max_lifetime: Option<i64>,
    retired_at: Option<i64>,
    retired_why: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(service: &'a Service) -> Self {
        let retirement = service.retirement.as_ref();
        Self {
            service,
            rate: rate_columns(service.default_rate),
            default_lifetime: service.default_lifetime.map(millis),
            max_lifetime: service.max_lifetime.map(millis),
            retired_at: retirement.map(|retirement| retirement.at.as_millis()),
            retired_why: retirement.map(|retirement| retirement.reason.as_str()),
        }
    }

    /// Runs a statement that names every column, and returns how many rows it
    /// touched.
    fn run(&self, connection: &Connection, sql: &str) -> Result<usize, Failure> {
        let (requests, period, burst) = self.rate;
        let parameters: [(&str, &dyn ToSql); 12] = [
            (":name", &self.service.name.as_str()),
            (":quota", &self.service.quota),
            (":rate_requests", &requests),
            (":rate_period_ns", &period),
            (":rate_burst", &burst),
            (":default_lifetime", &self.default_lifetime),
            (":max_lifetime", &self.max_lifetime),
            (
                ":prefix",
                &self.service.prefix.as_ref().map(|prefix| prefix.as_str()),
            ),
            (":retired_at", &self.retired_at),
            (":retired_why", &self.retired_why),
            (
                ":created_at",
                &Timestamp::as_millis(self.service.created_at),
            ),
            (":version", &stored(self.service.version)),
        ];
        Ok(connection.prepare_cached(sql)?.execute(&parameters)?)
    }
}

/// Lifetimes are whole milliseconds, as all times here.
fn millis(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)
}
