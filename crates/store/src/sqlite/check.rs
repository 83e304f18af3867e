use std::fmt;
use std::io;
use std::path::Path;

use portcullis_core::store::{AuditHead, Head, StoreError, StoreErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Row};

use super::database::BUSY_TIMEOUT;
use super::error::Failure;
use super::identity::beside;
use super::note::Note;
use super::row::Fields;
use super::schema::{self, Standing};
use super::{counters, history, log, read, roots, row, sums};

/// How many faults are told of one kind, and of all, and how long each is at
/// most, in characters.
const PER_KIND: usize = 25;
const TOLD: usize = 100;
const LONGEST: usize = 500;

/// How often it is looked again at a database that somebody opened meanwhile.
const LOOKS: u32 = 3;

/// What a look at a whole database found.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis_store::SqliteStore;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys.db");
/// # drop(SqliteStore::open(&path)?);
/// let report = SqliteStore::check(&path)?;
/// for fault in report.faults() {
///     println!("{fault}");
/// }
/// assert!(report.is_whole());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    head: Option<Head>,
    audit: Option<AuditHead>,
    services: u64,
    keys: u64,
    secrets: u64,
    events: u64,
    faults: Vec<String>,
    untold: u64,
}

impl CheckReport {
    /// Whether no fault was found.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    /// What was found, in words, each one sentence without a full stop; at most
    /// a hundred. None holds a secret.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// How many faults more were found than are told.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// Where the store's history stands; nothing where that does not read.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// The end of the audit trail, as the store has it; nothing where that does
    /// not read.
    #[must_use]
    pub fn audit_head(&self) -> Option<AuditHead> {
        self.audit
    }

    /// How many services were read.
    #[must_use]
    pub fn services(&self) -> u64 {
        self.services
    }

    /// How many keys were read.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How many secrets the keys that were read have together.
    #[must_use]
    pub fn secrets(&self) -> u64 {
        self.secrets
    }

    /// How many audit events are stored.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }
}

/// Looks at the database at the path.
pub(super) fn check(path: &Path) -> Result<CheckReport, StoreError> {
    let found = |error: io::Error| {
        let message = format!("database {} cannot be opened: {error}", path.display());
        StoreError::with_source(StoreErrorKind::Unavailable, message, error)
    };
    let path = std::fs::canonicalize(path).map_err(found)?;
    let metadata = std::fs::metadata(&path).map_err(found)?;
    if !metadata.is_file() {
        return Err(schema::foreign(&path).into());
    }
    if metadata.len() == 0 {
        let message = format!("{} is empty: expected a database", path.display());
        return Err(StoreError::new(StoreErrorKind::Unavailable, message));
    }
    let mut look = 1;
    loop {
        let way = Way::to(&path);
        let report = Check::run(&path, way)?;
        // Without locks, what somebody else wrote meanwhile looks like damage.
        if way == Way::Shared || way == Way::to(&path) || look == LOOKS {
            return Ok(report);
        }
        look += 1;
    }
}

/// How a database is read without a change to it or to what lies beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Like anybody: it is in use, or was until its process was killed.
    Shared,
    /// The file alone: it has no log, and nobody has it open.
    Alone,
    /// With its log, whose index is kept in memory: a copy of both.
    WithLog,
}

impl Way {
    fn to(path: &Path) -> Self {
        if beside(path, "-shm").exists() {
            Self::Shared
        } else if std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
            Self::WithLog
        } else {
            Self::Alone
        }
    }

    fn open(self, path: &Path) -> Result<Connection, Failure> {
        let query = match self {
            Self::Shared => "mode=ro",
            Self::Alone => "immutable=1",
            // Without locks there is no index in a file either.
            Self::WithLog if cfg!(unix) => "mode=ro&vfs=unix-none",
            Self::WithLog => "mode=ro",
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(schema::uri(path, query), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        if self == Self::WithLog {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        Ok(connection)
    }
}

struct Check<'a> {
    connection: &'a Connection,
    report: CheckReport,
}

impl Check<'_> {
    fn run(path: &Path, way: Way) -> Result<CheckReport, StoreError> {
        let log = log::check(path);
        let note = Note::read(path);
        let mut connection = way.open(path)?;
        let snapshot = connection.transaction().map_err(Failure::from)?;
        match schema::standing(&snapshot, path)? {
            Standing::Current => {}
            Standing::Older => {
                let message = format!(
                    "{} has an older schema: it is migrated when a store opens it, and can be \
                     checked then",
                    path.display()
                );
                return Err(StoreError::new(StoreErrorKind::Unavailable, message));
            }
            Standing::Empty => return Err(schema::foreign(path).into()),
        }
        let mut check = Check {
            connection: &snapshot,
            report: CheckReport::default(),
        };
        check.met(log);
        if let Some(note) = note {
            check.met(note.check(&snapshot, path));
        }
        check.all();
        let mut report = check.report;
        // The same damage is met in several ways.
        report.faults.dedup();
        Ok(report)
    }

    fn all(&mut self) {
        let integrity = self.integrity();
        self.met(integrity);
        let foreign = self.foreign_keys();
        self.met(foreign);
        match history::check(self.connection) {
            Ok(row) => (self.report.head, self.report.audit) = (Some(row.head), Some(row.audit)),
            Err(failure) => self.fault(failure),
        }
        self.met(sums::verify_total(self.connection));
        let services = self.services();
        self.met(services);
        let keys = self.keys();
        self.met(keys);
        for (table, sql) in [
            ("usage", "SELECT * FROM usage"),
            ("secret_usage", "SELECT * FROM secret_usage"),
        ] {
            let usage = self.each(sql, |_, row| {
                let key: i64 = row.get("key")?;
                counters::counters(row, table, &key).map(drop)
            });
            self.met(usage);
        }
        self.met(roots::remember(self.connection, &[]).map(drop));
        let events = "SELECT count(*) FROM audit";
        match self
            .connection
            .query_row(events, [], |row| row.get::<_, i64>(0))
        {
            Ok(events) => self.report.events = u64::try_from(events).unwrap_or(0),
            Err(error) => self.fault(error.into()),
        }
    }

    /// SQLite's own check: pages, indices against their tables, constraints.
    fn integrity(&mut self) -> Result<(), Failure> {
        let sql = format!("PRAGMA integrity_check({PER_KIND})");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let found: String = row.get(0)?;
            if found != "ok" {
                self.tell(format!("the database is damaged: {}", found.trim()));
            }
        }
        Ok(())
    }

    fn foreign_keys(&mut self) -> Result<(), Failure> {
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        let mut told = 0;
        while let Some(row) = rows.next()? {
            told += 1;
            if told > PER_KIND {
                self.report.untold = self.report.untold.saturating_add(1);
                continue;
            }
            let (table, parent): (String, String) = (row.get("table")?, row.get("parent")?);
            self.tell(format!(
                "the database is damaged: a row of table {table} belongs to none of table {parent}"
            ));
        }
        Ok(())
    }

    fn services(&mut self) -> Result<(), Failure> {
        self.each("SELECT * FROM services", |check, row| {
            let service = row::service(row)?;
            check.report.services += 1;
            sums::verify_service(check.connection, &service.name)?;
            let fields = Fields::new(row, "services", &service.name);
            let noted: i64 = fields.value("unrevoked")?;
            let counted: i64 = check
                .connection
                .prepare_cached(
                    "SELECT count(*) FROM keys WHERE service = ?1 AND state <> 'revoked'",
                )?
                .query_row([service.name.as_str()], |row| row.get(0))?;
            if noted != counted {
                check.tell(format!(
                    "service {} counts {noted} keys that are not revoked, and has {counted}",
                    service.name
                ));
            }
            Ok(())
        })
    }

    fn keys(&mut self) -> Result<(), Failure> {
        self.each("SELECT * FROM keys", |check, row| {
            let key = read::whole_key(check.connection, row)?;
            check.report.keys += 1;
            let secrets = u64::try_from(key.secrets.len()).unwrap_or(u64::MAX);
            check.report.secrets = check.report.secrets.saturating_add(secrets);
            Ok(())
        })
    }

    /// Looks at one row after the other; one that is damaged hides no other.
    fn each(
        &mut self,
        sql: &str,
        mut look: impl FnMut(&mut Self, &Row<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let looked = look(self, row);
            self.met(looked);
        }
        Ok(())
    }

    fn met(&mut self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.fault(failure);
        }
    }

    fn fault(&mut self, failure: Failure) {
        self.tell(StoreError::from(failure).to_string());
    }

    fn tell(&mut self, fault: String) {
        if self.report.faults.len() < TOLD {
            let fault = fault.chars().take(LONGEST).collect();
            self.report.faults.push(fault);
        } else {
            self.report.untold = self.report.untold.saturating_add(1);
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        if self.untold > 0 {
            writeln!(f, "and {} more", self.untold)?;
        }
        Ok(())
    }
}
