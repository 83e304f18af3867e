use rusqlite::{Connection, OptionalExtension as _, ToSql};

use crate::sqlite::error::Failure;

/// The entries of one index, in the order of a value and the row's number.
#[derive(Debug)]
pub(super) struct List<'a> {
    /// Finds the first entry at or after the value `?1` and the number `?2`.
    sql: &'static str,
    /// The parameters from `?3` on.
    values: Vec<&'a str>,
}

impl<'a> List<'a> {
    pub(super) fn new(sql: &'static str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().collect();
        Self { sql, values }
    }

    /// The first entry at or after this value and number.
    pub(super) fn seek(
        &self,
        connection: &Connection,
        value: i64,
        number: i64,
    ) -> Result<Option<(i64, i64)>, Failure> {
        let mut parameters: Vec<&dyn ToSql> = vec![&value, &number];
        parameters.extend(self.values.iter().map(|value| value as &dyn ToSql));
        let mut statement = connection.prepare_cached(self.sql)?;
        let entry =
            statement.query_row(parameters.as_slice(), |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(entry.optional()?)
    }
}

/// What of a folded text is in the table of names: every three characters in a
/// row, as often as they stand there.
pub(in crate::sqlite) fn parts(folded: &str) -> impl Iterator<Item = &str> {
    let starts = folded.char_indices().map(|(at, _)| at);
    let ends = folded
        .char_indices()
        .map(|(at, character)| at + character.len_utf8());
    starts
        .zip(ends.skip(2))
        .filter_map(|(start, end)| folded.get(start..end))
}

/// The first entry at or after a place. SQLite compares a row value with the
/// first column of an index alone, where the second is the row's number: so
/// equal values and greater ones are two searches, the first of which mostly
/// ends at once.
macro_rules! seek {
    ($table:literal, $value:literal, $number:literal, $where:literal) => {
        concat!(
            "SELECT ",
            $value,
            ", ",
            $number,
            " FROM ",
            $table,
            " WHERE ",
            $where,
            $value,
            " = ?1 AND ",
            $number,
            " >= ?2",
            " UNION ALL SELECT ",
            $value,
            ", ",
            $number,
            " FROM ",
            $table,
            " WHERE ",
            $where,
            $value,
            " > ?1 ORDER BY 1, 2 LIMIT 1"
        )
    };
}

/// The same for entries that have no value: it counts as zero.
macro_rules! seek_without_value {
    ($table:literal, $number:literal, $where:literal) => {
        concat!(
            "SELECT 0, ",
            $number,
            " FROM ",
            $table,
            " WHERE ",
            $where,
            $number,
            " >= ?2 ORDER BY ",
            $number,
            " LIMIT 1"
        )
    };
}

pub(super) const ALL: &str = seek!("keys", "created_at", "number", "");
pub(super) const SERVICE: &str = seek!("keys", "created_at", "number", "service = ?3 AND ");
pub(super) const OWNER: &str = seek!("keys", "created_at", "number", "owner = ?3 AND ");
pub(super) const ENVIRONMENT: &str = seek!("keys", "created_at", "number", "environment = ?3 AND ");
pub(super) const SCOPE: &str = seek!("key_scopes", "created_at", "key", "scope = ?3 AND ");
pub(super) const NAME: &str = seek!("key_names", "created_at", "key", "part = ?3 AND ");
pub(super) const UNUSED: &str = seek!("usage", "created_at", "key", "last_used_at IS NULL AND ");
pub(super) const UNUSED_OF: &str = seek!(
    "usage",
    "created_at",
    "key",
    "last_used_at IS NULL AND service = ?3 AND "
);

pub(super) const USED: &str = seek!(
    "usage",
    "last_used_at",
    "key",
    "last_used_at IS NOT NULL AND "
);
pub(super) const USED_OF: &str = seek!(
    "usage",
    "last_used_at",
    "key",
    "last_used_at IS NOT NULL AND service = ?3 AND "
);

pub(super) const ENDING: &str = seek!("keys", "expires_at", "number", "state = ?3 AND ");
pub(super) const ENDING_OF: &str = seek!(
    "keys",
    "expires_at",
    "number",
    "state = ?3 AND service = ?4 AND "
);
pub(super) const ENDLESS: &str =
    seek_without_value!("keys", "number", "state = ?3 AND expires_at IS NULL AND ");
pub(super) const ENDLESS_OF: &str = seek_without_value!(
    "keys",
    "number",
    "state = ?3 AND service = ?4 AND expires_at IS NULL AND "
);

/// The queries, with the index that each searches and the columns that it
/// compares there.
#[cfg(test)]
pub(in crate::sqlite) const QUERIES: [(&str, &str, &str); 14] = [
    (ALL, "COVERING INDEX keys_by_creation", "created_at"),
    (
        SERVICE,
        "COVERING INDEX keys_by_service",
        "service=? AND created_at",
    ),
    (
        OWNER,
        "COVERING INDEX keys_by_owner",
        "owner=? AND created_at",
    ),
    (
        ENVIRONMENT,
        "COVERING INDEX keys_by_environment",
        "environment=? AND created_at",
    ),
    (SCOPE, "PRIMARY KEY", "scope=? AND created_at"),
    (NAME, "PRIMARY KEY", "part=? AND created_at"),
    (UNUSED, "INDEX usage_unused", "created_at"),
    (
        UNUSED_OF,
        "INDEX usage_unused_by_service",
        "service=? AND created_at",
    ),
    (USED, "COVERING INDEX usage_by_use", "last_used_at"),
    (
        USED_OF,
        "COVERING INDEX usage_by_service_use",
        "service=? AND last_used_at",
    ),
    (
        ENDING,
        "COVERING INDEX keys_by_state",
        "state=? AND expires_at",
    ),
    (
        ENDING_OF,
        "COVERING INDEX keys_by_service_state",
        "service=? AND state=? AND expires_at",
    ),
    (
        ENDLESS,
        "COVERING INDEX keys_by_state",
        "state=? AND expires_at=? AND rowid>",
    ),
    (
        ENDLESS_OF,
        "COVERING INDEX keys_by_service_state",
        "service=? AND state=? AND expires_at=? AND rowid>",
    ),
];
