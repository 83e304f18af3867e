use portcullis_core::key::{Key, KeyName};
use rusqlite::Connection;

use crate::sqlite::error::Failure;
use crate::sqlite::list::parts;

/// A key's entries in the tables of scopes and of names.
pub(super) struct Entries {
    created_at: i64,
    number: i64,
}

impl Entries {
    pub(super) fn of(number: i64, key: &Key) -> Self {
        let created_at = key.created_at.as_millis();
        Self { created_at, number }
    }

    pub(super) fn add_scopes(&self, connection: &Connection, scopes: &str) -> Result<(), Failure> {
        let sql = "INSERT INTO key_scopes (scope, created_at, key) VALUES (?1, ?2, ?3) \
            ON CONFLICT DO NOTHING";
        self.each(connection, sql, scopes.split_ascii_whitespace())
    }

    pub(super) fn remove_scopes(
        &self,
        connection: &Connection,
        scopes: &str,
    ) -> Result<(), Failure> {
        let sql = "DELETE FROM key_scopes WHERE scope = ?1 AND created_at = ?2 AND key = ?3";
        self.each(connection, sql, scopes.split_ascii_whitespace())
    }

    pub(super) fn add_name(&self, connection: &Connection, name: &KeyName) -> Result<(), Failure> {
        let sql = "INSERT INTO key_names (part, created_at, key) VALUES (?1, ?2, ?3) \
            ON CONFLICT DO NOTHING";
        self.each(connection, sql, parts(&name.folded()))
    }

    pub(super) fn remove_name(
        &self,
        connection: &Connection,
        name: &KeyName,
    ) -> Result<(), Failure> {
        let sql = "DELETE FROM key_names WHERE part = ?1 AND created_at = ?2 AND key = ?3";
        self.each(connection, sql, parts(&name.folded()))
    }

    fn each<'v>(
        &self,
        connection: &Connection,
        sql: &str,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<(), Failure> {
        let mut statement = connection.prepare_cached(sql)?;
        for value in values {
            statement.execute((value, self.created_at, self.number))?;
        }
        Ok(())
    }
}
