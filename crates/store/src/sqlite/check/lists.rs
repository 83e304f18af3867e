use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};

use portcullis_core::key::{Key, KeyId};
use rusqlite::Connection;

use super::look::{Check, PER_KIND};
use crate::sqlite::error::Failure;
use crate::sqlite::{list, read};

/// The tables from which keys are listed by a part of them, with the column
/// that has it.
const TABLES: [Table; 2] = [
    Table {
        name: "key_scopes",
        column: "scope",
        parts: |key| key.scopes.iter().map(ToString::to_string).collect(),
    },
    Table {
        name: "key_names",
        column: "part",
        parts: |key| list::parts(&key.name.folded()).map(str::to_owned).collect(),
    },
];

struct Table {
    name: &'static str,
    column: &'static str,
    /// What of a key stands there.
    parts: fn(&Key) -> BTreeSet<String>,
}

/// What the keys have in each of the tables.
#[derive(Debug, Default)]
pub(super) struct Lists {
    hashes: RandomState,
    tallies: [Tally; TABLES.len()],
}

/// Entries, added up so that their order does not matter: there are many more
/// than keys, and each would have to be looked up. The hash is keyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    entries: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, hash: u64) {
        self.entries = self.entries.saturating_add(1);
        self.sum = self.sum.wrapping_add(hash);
    }
}

impl Lists {
    /// Adds what the key of this row number has.
    pub(super) fn add(&mut self, number: i64, key: &Key) {
        let created_at = key.created_at.as_millis();
        for (tally, table) in self.tallies.iter_mut().zip(&TABLES) {
            for part in (table.parts)(key) {
                tally.add(self.hashes.hash_one((part.as_str(), created_at, number)));
            }
        }
    }

    /// What the table has.
    fn count(&self, connection: &Connection, table: &Table) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut statement = connection.prepare(&table.all())?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let part: String = row.get(0)?;
            let entry = (part.as_str(), row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
            tally.add(self.hashes.hash_one(entry));
        }
        Ok(tally)
    }
}

/// Tells which keys listings would miss, or show where they do not belong.
pub(super) fn check(check: &mut Check<'_>) -> Result<(), Failure> {
    for (table, expected) in TABLES.iter().zip(check.lists().tallies) {
        if check.lists().count(check.connection, table)? != expected {
            missing(check, table)?;
            superfluous(check, table)?;
        }
    }
    counters(check)
}

/// Keys that are not in the table as they say.
fn missing(check: &mut Check<'_>, table: &Table) -> Result<(), Failure> {
    let sql = table.one();
    let mut told = Told::default();
    let mut numbers = check
        .connection
        .prepare("SELECT number FROM keys ORDER BY number")?;
    let mut rows = numbers.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        // What does not read was told before.
        let Ok(key) = read::key_of_row(check.connection, number) else {
            continue;
        };
        let created_at = key.created_at.as_millis();
        let mut entry = check.connection.prepare_cached(&sql)?;
        for part in (table.parts)(&key) {
            if !entry.exists((part, created_at, number))? {
                let Table { name, column, .. } = table;
                let fault = format!("key {} is missing in table {name}, by {column}", key.id);
                told.tell(check, fault);
                break;
            }
        }
    }
    Ok(())
}

/// Entries of the table that no key has.
fn superfluous(check: &mut Check<'_>, table: &Table) -> Result<(), Failure> {
    let mut told = Told::default();
    let mut entries = check.connection.prepare(&table.all())?;
    let mut rows = entries.query([])?;
    while let Some(row) = rows.next()? {
        let (part, created_at, number): (String, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let name = table.name;
        let fault = match read::key_of_row(check.connection, number) {
            Ok(key)
                if created_at == key.created_at.as_millis()
                    && (table.parts)(&key).contains(&part) =>
            {
                continue;
            }
            Ok(key) => format!("key {} stands in table {name} as what it is not", key.id),
            // What does not read was told before.
            Err(_) if is_there(check.connection, number)? => continue,
            Err(_) => format!("table {name} has entries of key row {number}, which is not there"),
        };
        told.tell(check, fault);
    }
    Ok(())
}

fn is_there(connection: &Connection, number: i64) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM keys WHERE number = ?1")?;
    Ok(statement.exists([number])?)
}

/// Keys and secrets without their counters, and counters of neither.
fn counters(check: &mut Check<'_>) -> Result<(), Failure> {
    for (sql, fault) in [
        (
            "SELECT k.id, k.number FROM keys AS k LEFT JOIN usage AS u ON u.key = k.number \
             WHERE u.key IS NULL",
            "is missing in table usage",
        ),
        (
            "SELECT k.id, k.number FROM keys AS k JOIN usage AS u ON u.key = k.number \
             WHERE u.service <> k.service OR u.created_at <> k.created_at",
            "stands in table usage as what it is not",
        ),
        (
            "SELECT NULL, key FROM usage WHERE key NOT IN (SELECT number FROM keys)",
            "has counters in table usage, and is not there",
        ),
        (
            "SELECT k.id, k.number FROM secrets AS s JOIN keys AS k ON k.number = s.key \
             LEFT JOIN secret_usage AS u ON u.key = s.key AND u.number = s.number \
             WHERE u.key IS NULL",
            "has a secret that is missing in table secret_usage",
        ),
        (
            "SELECT (SELECT id FROM keys WHERE number = u.key), u.key FROM secret_usage AS u \
             LEFT JOIN secrets AS s ON s.key = u.key AND s.number = u.number WHERE s.key IS NULL",
            "has counters in table secret_usage of a secret that it does not have",
        ),
    ] {
        let mut told = Told::default();
        let mut statement = check.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let who = match row.get::<_, [u8; 16]>(0) {
                Ok(id) => KeyId::from_bytes(id).to_string(),
                Err(_) => format!("row {}", row.get::<_, i64>(1)?),
            };
            told.tell(check, format!("key {who} {fault}"));
        }
    }
    Ok(())
}

/// How many faults of one kind were told.
#[derive(Default)]
struct Told(usize);

impl Told {
    fn tell(&mut self, check: &mut Check<'_>, fault: String) {
        self.0 = self.0.saturating_add(1);
        if self.0 > PER_KIND {
            check.report.more(1);
        } else {
            check.tell(fault);
        }
    }
}

impl Table {
    fn all(&self) -> String {
        let Self { name, column, .. } = self;
        format!("SELECT {column}, created_at, key FROM {name}")
    }

    fn one(&self) -> String {
        let Self { name, column, .. } = self;
        format!("SELECT 1 FROM {name} WHERE {column} = ?1 AND created_at = ?2 AND key = ?3")
    }
}
