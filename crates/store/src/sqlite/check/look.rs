use std::io;
use std::path::Path;

use portcullis_core::store::{StoreError, StoreErrorKind};
use rusqlite::{Connection, Row};

use super::lists::{self, Lists};
use super::report::CheckReport;
use crate::sqlite::error::Failure;
use crate::sqlite::note::Note;
use crate::sqlite::row::Fields;
use crate::sqlite::schema::{self, Standing};
use crate::sqlite::way::{LOOKS, Way, stand};
use crate::sqlite::{counters, history, log, read, roots, row, sums};

/// How many faults are told of one kind.
pub(super) const PER_KIND: usize = 25;

/// Looks at the database at the path.
pub(in crate::sqlite) fn check(path: &Path) -> Result<CheckReport, StoreError> {
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
    settle(
        || stand(&path).map_err(found),
        || {
            let way = Way::to(&path);
            (way, Check::run(&path, way))
        },
    )
}

/// Looks again where somebody opened the database or wrote to it meanwhile:
/// without locks that looks like damage.
fn settle<S: PartialEq>(
    stand: impl Fn() -> Result<S, StoreError>,
    mut run: impl FnMut() -> (Way, Result<CheckReport, StoreError>),
) -> Result<CheckReport, StoreError> {
    for _ in 0..LOOKS {
        let before = stand()?;
        let (way, report) = run();
        let whole = report.as_ref().is_ok_and(CheckReport::is_whole);
        if way == Way::Shared || whole || stand()? == before {
            return report;
        }
    }
    let message = "the database is written to all the time, and could not be looked at";
    Err(StoreError::new(StoreErrorKind::Busy, message))
}

pub(super) struct Check<'a> {
    pub(super) connection: &'a Connection,
    pub(super) report: CheckReport,
    lists: Lists,
}

impl Check<'_> {
    fn run(path: &Path, way: Way) -> Result<CheckReport, StoreError> {
        let log = match log::check(path) {
            Err(failure) if failure.kind() == StoreErrorKind::Busy => return Err(failure.into()),
            log => log,
        };
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
            lists: Lists::default(),
        };
        check.met(log);
        if let Some(note) = note {
            check.met(note.check(&snapshot, path));
        }
        check.all();
        Ok(check.report)
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
        let listed = lists::check(self);
        self.met(listed);
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
                self.report.more(1);
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
                    "SELECT count(*) FROM keys WHERE service = ?1 AND state <> 'revoked' \
                     AND EXISTS (SELECT 1 FROM key_sums WHERE key = keys.number)",
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
            check.lists.add(row.get("number")?, &key);
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

    pub(super) fn tell(&mut self, fault: String) {
        self.report.tell(&fault);
    }

    /// What the keys that were read have in the lists.
    pub(super) fn lists(&self) -> &Lists {
        &self.lists
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::store::StoreErrorKind;

    use super::{CheckReport, LOOKS, Way, settle};

    #[test]
    fn what_somebody_wrote_meanwhile_is_looked_at_again_and_never_told_as_damage() {
        let damaged = || {
            let mut report = CheckReport::default();
            report.tell("damaged");
            Ok(report)
        };
        let moves = std::cell::Cell::new(0);
        let look = |way: Way, until: u32| {
            moves.set(0);
            let mut looks = 0;
            let report = settle(
                || Ok(moves.get()),
                || {
                    looks += 1;
                    // Somebody writes during each of the first looks.
                    moves.set(looks.min(until));
                    (
                        way,
                        if looks <= until {
                            damaged()
                        } else {
                            Ok(CheckReport::default())
                        },
                    )
                },
            );
            (report, looks)
        };
        for way in [Way::Alone, Way::WithLog] {
            let (report, looks) = look(way, 1);
            assert!(report.expect("looked at").is_whole());
            assert_eq!(looks, 2);
            let (report, looks) = look(way, LOOKS);
            assert_eq!(
                report.expect_err("nothing is known").kind(),
                StoreErrorKind::Busy
            );
            assert_eq!(looks, LOOKS);
        }
        // With locks, and where nobody wrote, it is damage.
        let (report, looks) = look(Way::Shared, 1);
        assert!(!report.expect("looked at").is_whole());
        assert_eq!(looks, 1);
        let report = settle(|| Ok(0), || (Way::Alone, damaged()));
        assert!(!report.expect("looked at").is_whole());
    }
}
